import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { Reconciler, type ReconcilerOptions } from "./reconciler.ts";

const key = (name: string) => ({ namespace: "west", name });
const settle = () => Bun.sleep(2);

function reconciler(options: Partial<ReconcilerOptions> & Pick<ReconcilerOptions, "reconcile">) {
  const clock = new FakeClock();
  const random = { next: () => 1, below: () => 0 };
  return {
    clock,
    loop: new Reconciler({ name: "test", clock, random, baseMs: 100, capMs: 1000, ...options }),
  };
}

test("what one key throws, at once or later, never stops another, and it comes again after its back-off", async () => {
  const seen: string[] = [];
  let broken = true;
  const { clock, loop } = reconciler({
    reconcile: ({ namespace, name }) => {
      seen.push(`${namespace}/${name}`);
      if (name === "bad" && broken) throw new Error("sync");
      return name === "worse" && broken ? Promise.reject(new IsthmusError("CONFLICT", "x")) : undefined;
    },
  });
  for (const name of ["bad", "worse", "good"]) loop.enqueue(key(name));
  loop.start();
  await settle();
  expect(seen).toEqual(["west/bad", "west/worse", "west/good"]);
  expect(loop.stats()).toMatchObject({ succeeded: 1, failed: 2, conflicts: 1, active: 0, delayed: 2 });
  broken = false;
  clock.advance(100);
  await settle();
  expect(seen.slice(3)).toEqual(["west/bad", "west/worse"]);
  expect(loop.stats()).toMatchObject({ succeeded: 3, failed: 2, delayed: 0 });
  await loop.stop();
});

test("never twice at once for one key, at most `concurrency` keys at once", async () => {
  const running = new Map<string, number>();
  let most = 0;
  const { loop } = reconciler({
    concurrency: 3,
    reconcile: async ({ name }) => {
      running.set(name, (running.get(name) ?? 0) + 1);
      expect(running.get(name)).toBe(1);
      most = Math.max(most, running.size);
      loop.enqueue(key(name === "0" && loop.stats().succeeded < 5 ? "0" : "1"));
      await Bun.sleep(1);
      running.delete(name);
    },
  });
  for (let i = 0; i < 10; i++) loop.enqueue(key(String(i)));
  loop.start();
  await Bun.sleep(50);
  expect(most).toBe(3);
  await loop.stop();
});

test("a key that hangs loses its worker after the bound, its signal is aborted, and it comes again once it ends", async () => {
  const seen: string[] = [];
  const held = Promise.withResolvers<void>();
  const { clock, loop } = reconciler({
    timeoutMs: 1000,
    reconcile: async ({ name }, { signal }) => {
      seen.push(name);
      if (name !== "hang" || seen.length > 1) return;
      await held.promise;
      expect(signal.aborted).toBe(true);
      throw new Error("late");
    },
  });
  for (const name of ["hang", "next"]) loop.enqueue(key(name));
  loop.start();
  await settle();
  expect(seen).toEqual(["hang"]);
  clock.advance(1000);
  await settle();
  expect(seen).toEqual(["hang", "next"]);
  loop.enqueue(key("hang"));
  await settle();
  expect(seen.length).toBe(2);
  held.resolve();
  await settle();
  expect(seen).toEqual(["hang", "next", "hang"]);
  expect(loop.stats()).toMatchObject({ timedOut: 1, failed: 1 });
  await loop.stop();
});

test("nothing runs before all caches are synced; requeueAfterMs comes back in time; stop ends it all", async () => {
  const cache = Promise.withResolvers<void>();
  let runs = 0;
  const { clock, loop } = reconciler({
    after: [{ synced: () => cache.promise }],
    reconcile: () => {
      runs++;
      return { requeueAfterMs: 5000 };
    },
  });
  loop.enqueue(key("a"));
  loop.start();
  await settle();
  expect(runs).toBe(0);
  cache.resolve();
  await settle();
  expect(runs).toBe(1);
  clock.advance(5000);
  await settle();
  expect(runs).toBe(2);
  await loop.stop();
  clock.advance(5000);
  loop.enqueue(key("a"));
  await settle();
  expect(runs).toBe(2);
});

test("stop before the caches are synced ends too", async () => {
  const { loop } = reconciler({ after: [{ synced: () => new Promise(() => {}) }], reconcile: () => {} });
  loop.start();
  await loop.stop();
});

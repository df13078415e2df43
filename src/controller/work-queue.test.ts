import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { WorkQueue } from "./work-queue.ts";

const always = { next: () => 1, below: () => 0 };

function queue() {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock, random: always, baseMs: 100, capMs: 1000 }) };
}

test("a key is queued once and taken in order of arrival", async () => {
  const { queue: q } = queue();
  for (const key of ["a", "b", "a", "a"]) q.add(key);
  expect(q.depth).toBe(2);
  expect(await q.take()).toBe("a");
  expect(await q.take()).toBe("b");
  const waiting = q.take();
  q.add("c");
  expect(await waiting).toBe("c");
});

test("a key added while it is processed comes once more, after done", async () => {
  const { queue: q } = queue();
  q.add("a");
  expect(await q.take()).toBe("a");
  q.add("a");
  q.add("a");
  expect(q.depth).toBe(0);
  const next = q.take();
  q.done("a");
  expect(await next).toBe("a");
  q.done("a");
  expect(q.depth).toBe(0);
});

test("failures of a key back off up to the cap, by itself, until it is forgotten", () => {
  const { queue: q } = queue();
  expect([1, 2, 3, 4, 5, 6].map(() => q.addFailed("a"))).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect(q.addFailed("b")).toBe(100);
  q.forget("a");
  expect(q.addFailed("a")).toBe(100);
});

test("of several times for one key the earliest counts", async () => {
  const { clock, queue: q } = queue();
  q.addAfter("a", 500);
  q.addAfter("a", 100);
  q.addAfter("a", 900);
  expect(q.delayed).toBe(1);
  clock.advance(99);
  expect(q.depth).toBe(0);
  clock.advance(1);
  expect(await q.take()).toBe("a");
  q.done("a");
  clock.advance(1000);
  expect(q.depth).toBe(0);
});

test("close releases every taker and drops what waits", async () => {
  const { clock, queue: q } = queue();
  const takers = [q.take(), q.take()];
  q.addAfter("a", 10);
  q.close();
  clock.advance(10);
  q.add("b");
  expect(await Promise.all([...takers, q.take()])).toEqual([undefined, undefined, undefined]);
});

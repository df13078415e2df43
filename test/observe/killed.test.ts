import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Subprocess } from "bun";
import type { ActivityView, FlowsView, HistoryView, ServicesView, ServiceView } from "#observe/views.ts";
import { listener, listenPort, Rig, SERVICE, service } from "#router/testing/routers.ts";

/** The observer's time runs so much faster. */
const SPEED = 4;
const BUCKET_MS = 10_000;

interface Killable {
  readonly url: string;
  readonly process: Subprocess;
}

async function startObserver(rig: Rig, args: readonly string[]): Promise<Killable> {
  const script = new URL("lib/observer-process.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  rig.defer(() => child.kill("SIGKILL"));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { url: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}/api/v1`, process: child };
}

async function view<T>({ url }: Killable, path: string): Promise<T | undefined> {
  const response = await fetch(`${url}/${path}`);
  return response.ok ? ((await response.json()) as T) : undefined;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await Bun.sleep(50);
  }
  throw new Error(`Not met: ${look.toString()}`);
}

test("An observer that is killed: the data path does not notice; started again, history is there and the gap is a gap", async () => {
  using rig = new Rig();
  const folder = mkdtempSync(`${tmpdir()}/isthmus-observe-`);
  rig.defer(() => rmSync(folder, { recursive: true }));
  const pod = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
  rig.defer(() => void pod.stop(true));
  const router = rig.router({
    site: { id: "s1", name: "c1", namespace: "shop" },
    admin: { listen: "127.0.0.1:0" },
    listeners: [{ ...listener(), protocol: "http" }],
    services: [service([{ port: pod.port as number }])],
  });
  const anchor = Date.now();
  const virtualNow = (): number => anchor + (Date.now() - anchor) * SPEED;
  const args = [
    `http://127.0.0.1:${router.adminPort}`,
    `${folder}/observer.db`,
    String(anchor),
    String(SPEED),
  ];

  let [served, failed] = [0, 0];
  const done = new AbortController();
  const load = (async () => {
    while (!done.signal.aborted) {
      const ok = await fetch(`http://127.0.0.1:${listenPort(router)}/`).then(
        async (response) => (await response.text()) === "ok",
        () => false,
      );
      if (ok) served++;
      else failed++;
      await Bun.sleep(10);
    }
  })();

  const first = await startObserver(rig, args);
  const history = (of: Killable, fromMs: number): Promise<HistoryView | undefined> =>
    view<HistoryView>(of, `services/${SERVICE}/history?from=${Math.floor(fromMs)}&step=${BUCKET_MS}`);
  // Until ten seconds that are over are full.
  const before = await until(async () => {
    const found = await history(first, anchor - BUCKET_MS);
    const full = found?.pods[0]?.rps.slice(0, -1).filter((rps) => rps !== null && rps > 0) ?? [];
    return full.length >= 2 ? found : undefined;
  });
  const killedMs = virtualNow();
  first.process.kill("SIGKILL");
  await first.process.exited;
  const servedBefore = served;
  await Bun.sleep((2.5 * BUCKET_MS) / SPEED);
  expect(served).toBeGreaterThan(servedBefore + 50);

  const second = await startObserver(rig, args);
  await until(() => view<ServicesView>(second, "services"));
  const backMs = virtualNow();
  // Until ten seconds are full again.
  const after = await until(async () => {
    const found = await history(second, anchor - BUCKET_MS);
    return (found?.pods[0]?.rps.at(-2) ?? 0) > 0 && (found?.timesMs.at(-2) ?? 0) > backMs ? found : undefined;
  });
  done.abort();
  await load;
  expect(failed).toBe(0);

  const rps = after.pods[0]?.rps ?? [];
  const gap = after.timesMs.filter((atMs) => atMs > killedMs && atMs + BUCKET_MS < backMs);
  expect(gap.length).toBeGreaterThanOrEqual(1);
  for (const atMs of gap) {
    const index = after.timesMs.indexOf(atMs);
    expect([rps[index], after.p50Ms[index], after.errors[index]]).toEqual([null, null, null]);
  }
  expect(after.gaps.length).toBe(1);
  expect(after.gaps[0]?.fromMs).toBeLessThanOrEqual(killedMs + 1);
  expect(after.gaps[0]?.toMs).toBeLessThanOrEqual(backMs + 1);
  // What was over before the kill is as it was.
  const kept = before.timesMs.slice(0, -2);
  expect(kept.map((atMs) => rps[after.timesMs.indexOf(atMs)])).toEqual([
    ...(before.pods[0]?.rps.slice(0, -2) ?? []),
  ]);

  // Every request is counted, and every flow recorded once, also those of the time when nobody looked.
  const counted = await until(async () => {
    const found = await view<ServiceView>(second, `services/${SERVICE}`);
    return found?.pods[0]?.total === served ? found : undefined;
  });
  expect(counted.pods[0]?.total).toBe(served);
  let flows = 0;
  for (let last: number | undefined; ;) {
    const page: FlowsView | undefined = await view(
      second,
      `flows?limit=1000${last === undefined ? "" : `&before=${last}`}`,
    );
    const seqs = page?.flows.map(({ seq }) => seq) ?? [];
    flows += new Set(seqs).size;
    last = page?.flows.at(-1)?.id;
    if (last === undefined) break;
  }
  expect(flows).toBe(served);
  const { items } = (await view<ActivityView>(second, "activity")) ?? { items: [] };
  expect(items.find(({ kind }) => kind === "ObserverGap")?.message).toMatch(
    /^Nobody observed for \d+ s: the observer was away$/,
  );
});

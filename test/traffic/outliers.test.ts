import { expect, test } from "bun:test";
import { once } from "../lib/asking.ts";
import { Blackhole } from "../lib/blackhole.ts";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { Pods } from "../lib/pods.ts";
import { APP, APP_PORT, TrafficSites } from "../lib/traffic-sites.ts";

/* Pods that are there and do not work: nobody tells the router, it finds out. */

/** A refused or silent connect may cost a request so much. */
const EXTRA_MS = 1000;

test("a blackholed pod costs the first requests at most 1 s, none fails, then it is ejected", async () => {
  await using hole = await Blackhole.start("a-0");
  await using good = await Pods.start(["a-1", "a-2"]);
  await using sites = await TrafficSites.start({
    pods: [hole.pod, ...good.all],
    policy: { outlier: { consecutiveFailures: 5 } },
  });
  const own = new OwnDelay();
  await using load = new Load({ target: sites.entrance, perSecond: 100, connections: 100 });
  await Bun.sleep(3000);
  const ejections = await sites.metric("isthmus_ejections_total");
  const settledMs = performance.now();
  await Bun.sleep(1000);
  await load.stop();
  const delayMs = own.stop();
  const slow = load.requests.filter(({ dueMs, doneMs }) => doneMs - dueMs > 500);
  const late = load.between(settledMs).filter(({ dueMs, doneMs }) => doneMs - dueMs > 500);
  console.log(
    `figure: blackholed pod: ${figureOf(load.requests)}; ${slow.length} waited for it, ${late.length} of them in the last second; ${ejections} ejections`,
  );
  expect(byFailure(load.requests)).toEqual({});
  expect(Math.max(...slow.map(({ dueMs, doneMs }) => doneMs - dueMs))).toBeLessThan(EXTRA_MS + 250 + delayMs);
  expect(ejections).toBeGreaterThan(0);
  expect(late.length).toBeLessThanOrEqual(5);
}, 30_000);

test("a pod that takes requests and never answers is ejected; each of its requests ends with 504 in time", async () => {
  await using pods = await Pods.start(["b-0", "b-1"]);
  await pods.setMode("hang", "b-0");
  await using sites = await TrafficSites.start({
    others: { b: { pods: pods.all } },
    policy: { timeouts: { requestMs: 500 } },
  });
  const own = new OwnDelay();
  await using load = new Load({ target: sites.entrance, perSecond: 100, connections: 100, method: "POST" });
  await Bun.sleep(3000);
  await load.stop();
  const delayMs = own.stop();
  console.log(
    `figure: pod that never answers: ${figureOf(load.requests)}; ${JSON.stringify(byPod(load.requests))}`,
  );
  expect(Object.keys(byFailure(load.requests)).every((why) => why.startsWith("504"))).toBe(true);
  expect(load.failed.length).toBeGreaterThan(0);
  // Five, those that were under way then, and those after it came back for a try.
  expect(load.failed.length).toBeLessThan(40);
  for (const { dueMs, doneMs } of load.failed) expect(doneMs - dueMs).toBeLessThan(1000 + delayMs);
}, 30_000);

test("a pod that takes requests and resets: no GET fails, no POST reaches two pods, the pod is ejected", async () => {
  await using pods = await Pods.start(["b-0", "b-1", "b-2"]);
  await pods.setMode("drop", "b-0");
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  const common = { target: sites.entrance, perSecond: 150, connections: 30 };
  await using gets = new Load(common);
  await using posts = new Load({ ...common, method: "POST" });
  await Bun.sleep(2500);
  await Promise.all([gets.stop(), posts.stop()]);
  const { times, failed } = await arrivals(pods, posts);
  console.log(
    `figure: pod that resets: GETs ${figureOf(gets.requests)}; POSTs ${figureOf(posts.requests)}, at most ${Math.max(...times.values())} pods had one of them`,
  );
  expect(byFailure(gets.requests)).toEqual({});
  expect(Math.max(...times.values())).toBe(1);
  // What failed had arrived: it could not be sent again.
  expect(failed.every(({ id }) => times.get(id) === 1)).toBe(true);
  expect(failed.length).toBeLessThan(30);
}, 30_000);

test("a pod that cuts its answers short: the client sees a broken answer, never a short one as whole", async () => {
  await using pods = await Pods.start(["b-0"]);
  await pods.setMode("cut");
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  const counts: Record<string, number> = {};
  for (let turn = 0; turn < 20; turn++) {
    const { status, failure } = await once(sites.entrance);
    const how = failure === "" ? `status ${status}` : failure;
    counts[how] = (counts[how] ?? 0) + 1;
  }
  console.log(`figure: answers cut short: ${JSON.stringify(counts)}`);
  expect(counts["status 200"]).toBeUndefined();
}, 30_000);

test("half of all pods answer 500: they are ejected with serverErrors on, and nothing fails beside their tries", async () => {
  const { load, most } = await failing({ bad: 2, of: 4 });
  const early = load.requests.slice(0, 200);
  const rest = load.requests.slice(200);
  console.log(
    `figure: 2 of 4 pods answer 500: at most ${most} ejected at once; ${figureOf(load.requests)}; ${byFailures(early)} of the first 200 failed, ${byFailures(rest)} of the other ${rest.length}`,
  );
  expect(most).toBe(2);
  // Each ejection ends with a try of five requests.
  expect(byFailures(rest) / rest.length).toBeLessThan(0.05);
}, 30_000);

test("three of four pods answer 500: never more than half are ejected", async () => {
  const { load, most } = await failing({ bad: 3, of: 4 });
  console.log(`figure: 3 of 4 pods answer 500: at most ${most} ejected at once; ${figureOf(load.requests)}`);
  expect(most).toBe(2);
}, 30_000);

test("nothing is left: 503 with a reason within 100 ms", async () => {
  await using pods = await Pods.start(["b-0"]);
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  await pods.kill();
  const refused = await Promise.all(Array.from({ length: 10 }, () => once(sites.entrance)));
  sites.setPods("b", []);
  await sites.untilKnown();
  const none = await Promise.all(Array.from({ length: 10 }, () => once(sites.entrance)));
  const slowest = (list: typeof none): number => Math.max(...list.map(({ ms }) => ms));
  console.log(
    `figure: nothing left: refused connects 503 after at most ${slowest(refused).toFixed(1)} ms, no endpoints after ${slowest(none).toFixed(1)} ms`,
  );
  expect([...refused, ...none].every(({ status }) => status === 503)).toBe(true);
  expect(Math.max(slowest(refused), slowest(none))).toBeLessThan(100);
}, 30_000);

function byFailures(requests: Load["requests"]): number {
  return requests.filter(({ failure }) => failure !== undefined).length;
}

/** How often each POST reached a pod, and those that failed. */
async function arrivals(
  pods: Pods,
  posts: Load,
): Promise<{ readonly times: Map<string, number>; readonly failed: Load["requests"] }> {
  const sent = new Set(posts.requests.map(({ id }) => id));
  const times = new Map<string, number>();
  for (const { ids } of await pods.report()) {
    for (const [id, count] of ids) if (sent.has(id)) times.set(id, (times.get(id) ?? 0) + count);
  }
  return { times, failed: posts.requests.filter(({ failure }) => failure !== undefined) };
}

/** Load for 4 s on pods of which some answer 500; how many were out at once at most. */
async function failing({ bad, of }: { bad: number; of: number }): Promise<{ load: Load; most: number }> {
  await using pods = await Pods.start(Array.from({ length: of }, (_, n) => `b-${n}`));
  for (let n = 0; n < bad; n++) await pods.setMode("error", `b-${n}`);
  await using sites = await TrafficSites.start({
    others: { b: { pods: pods.all } },
    policy: { outlier: { serverErrors: true } },
  });
  await using load = new Load({ target: sites.entrance, perSecond: 200, connections: 20 });
  let most = 0;
  const endMs = performance.now() + 4000;
  while (performance.now() < endMs) {
    most = Math.max(most, await ejected(sites));
    await Bun.sleep(50);
  }
  await load.stop();
  return { load, most };
}

async function ejected(sites: TrafficSites): Promise<number> {
  const answer = await sites.ask("a", `/v1/explain?service=${APP}&port=${APP_PORT}`);
  const { endpoints } = (await answer.json()) as { endpoints: { why?: string }[] };
  return endpoints.filter(({ why }) => why?.startsWith("ejected")).length;
}

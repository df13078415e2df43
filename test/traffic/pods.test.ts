import { expect, test } from "bun:test";
import { ask } from "../lib/asking.ts";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { type Pod, Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";

/* Pods that die, are replaced and end, under load, at the client's own site and at another one. */

const PER_SECOND = 500;
const CONNECTIONS = 50;

const OTHERS = "c-0 of another site";
const OWN = "a-0 of the client's site";

for (const victim of [OWN, OTHERS]) {
  test(`SIGKILL of ${victim} under ${PER_SECOND} rps of GETs: no failed request`, async () => {
    await using killed = await Pods.start([victim === OWN ? "a-0" : "c-0"]);
    await using rest = await Pods.start(["a-1", "c-1"]);
    const [a1, c1] = [named(rest, "a-1"), named(rest, "c-1")];
    const [a, c] = victim === OWN ? [[killed.first, a1], [c1]] : [[a1], [killed.first, c1]];
    await using sites = await TrafficSites.start({
      pods: a,
      others: { c: { pods: c } },
      policy: { mode: "ActiveActive" },
    });
    await using load = new Load({
      target: sites.entrance,
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
      // Long enough that some are always in flight.
      headers: "x-wait-ms: 20\r\n",
    });
    await Bun.sleep(1500);
    const killedMs = performance.now();
    await killed.kill();
    await Bun.sleep(2500);
    await load.stop();
    const before = byPod(load.between(0, killedMs));
    console.log(`figure: SIGKILL of ${victim}: ${figureOf(load.requests)}; before ${JSON.stringify(before)}`);
    expect(Object.keys(before).toSorted()).toEqual([...a, ...c].map(({ name }) => name).toSorted());
    expect(byFailure(load.requests)).toEqual({});
  }, 30_000);
}

test("a rolling update of all pods under load: no failed request, and only new pods answer in the end", async () => {
  const processes: Pods[] = [];
  const start = async (name: string): Promise<Pods> => {
    const started = await Pods.start([name]);
    processes.push(started);
    return started;
  };
  try {
    const old = [await start("b-old-0"), await start("b-old-1"), await start("b-old-2")];
    let pods = old.map(({ first }) => first);
    await using sites = await TrafficSites.start({ others: { b: { pods } } });
    await using load = new Load({
      target: sites.entrance,
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
      headers: "x-wait-ms: 20\r\n",
    });
    await Bun.sleep(500);
    for (const [index, leaving] of old.entries()) {
      const coming = await start(`b-new-${index}`);
      pods = [...pods, coming.first];
      sites.setPods("b", pods);
      await sites.untilKnown();
      // As Kubernetes does it: told to end, and marked as not ready, at about the same time.
      pods = pods.map((pod) => (pod.name === leaving.first.name ? { ...pod, ready: false } : pod));
      sites.setPods("b", pods);
      await Bun.sleep(100);
      await leaving.end();
      pods = pods.filter(({ name }) => name !== leaving.first.name);
      sites.setPods("b", pods);
    }
    await sites.untilKnown();
    const doneMs = performance.now();
    await Bun.sleep(500);
    await load.stop();
    const after = byPod(load.between(doneMs + 100));
    console.log(
      `figure: rolling update of 3 pods: ${figureOf(load.requests)}; after ${JSON.stringify(after)}`,
    );
    expect(Object.keys(after)).toEqual(["b-new-0", "b-new-1", "b-new-2"]);
    expect(byFailure(load.requests)).toEqual({});
  } finally {
    await Promise.all(processes.map((one) => one.kill()));
  }
}, 60_000);

test("a terminating pod gets nothing new, and its requests in flight are answered", async () => {
  await using leaving = await Pods.start(["b-0"]);
  await using staying = await Pods.start(["b-1"]);
  const pods: Pod[] = [leaving.first, staying.first];
  await using sites = await TrafficSites.start({ others: { b: { pods } } });
  // Requests of 1.5 s, POSTs, which nobody may send twice.
  await using slow = new Load({
    target: sites.entrance,
    perSecond: 100,
    connections: 100,
    method: "POST",
    headers: "x-wait-ms: 1500\r\n",
  });
  await Bun.sleep(500);
  sites.setPods("b", [{ ...leaving.first, ready: false }, staying.first]);
  await sites.untilKnown();
  const notReadyMs = performance.now();
  const ended = leaving.end().then(() => performance.now());
  await slow.stop();
  const endedMs = await ended;
  sites.setPods("b", [staying.first]);
  const shares = byPod(slow.requests);
  const late = byPod(slow.between(notReadyMs));
  console.log(
    `figure: terminating pod: ${figureOf(slow.requests)}; ${JSON.stringify(shares)}; it ended after ${(endedMs - notReadyMs).toFixed(0)} ms`,
  );
  expect(shares["b-0"]).toBeGreaterThan(15);
  expect(late["b-0"]).toBeUndefined();
  expect(byFailure(slow.requests)).toEqual({});
  expect(await ask(sites.entrance, { times: 20 })).toEqual({ "b-1": 20 });
}, 30_000);

function named(pods: Pods, name: string): Pod {
  const found = pods.all.find((pod) => pod.name === name);
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
}

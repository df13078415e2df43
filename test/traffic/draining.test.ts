import { expect, test } from "bun:test";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { eventually } from "../lib/linked-clusters.ts";
import { Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";

/* Routers that are told to end, with requests on their way through them. */

test("the client's router ends: every request that it has is answered first", async () => {
  await using pods = await Pods.start(["b-0", "b-1"]);
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  await using load = new Load({
    target: sites.entrance,
    perSecond: 100,
    connections: 400,
    method: "POST",
    headers: "x-wait-ms: 2000\r\n",
  });
  await Bun.sleep(1000);
  const stopped = load.stop();
  // Those that it has, and has passed on: what is on its way to it when it ends is lost, as on any connection.
  const inFlight = async (): Promise<number> =>
    (await pods.report()).reduce((sum, pod) => sum + pod.inFlight, 0);
  await eventually(async () => (await inFlight()) === load.underWay);
  const stoppedMs = performance.now();
  const endedMs = await sites.stop("a");
  await stopped;
  const under = load.requests.filter(({ doneMs }) => doneMs > stoppedMs).length;
  console.log(
    `figure: near router drains: ${under} requests under way; ${figureOf(load.requests)}; it ended after ${endedMs.toFixed(0)} ms`,
  );
  expect(endedMs).toBeLessThan(5000);
  expect(under).toBeGreaterThan(30);
  expect(byFailure(load.requests)).toEqual({});
}, 30_000);

test("a request that has begun when the client's router is told to end is answered, over a link", async () => {
  await using pods = await Pods.start(["b-0"]);
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  const { promise: answer, resolve } = Promise.withResolvers<string>();
  let text = "";
  const socket = await Bun.connect({
    hostname: sites.entrance.hostname,
    port: sites.entrance.port,
    socket: {
      data: (_socket, bytes) => void (text += bytes.toString()),
      close: () => resolve(text),
    },
  });
  socket.write("GET /load HTTP/1.1\r\nhost: app.test\r\n");
  await Bun.sleep(200);
  const ended = sites.stop("a");
  await Bun.sleep(200);
  socket.write("x-id: last\r\n\r\n");
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\nx-pod: b-0\r\n/i);
  expect(await ended).toBeLessThan(5000);
}, 30_000);

for (const { method, waitMs } of [
  { method: "GET", waitMs: 200 },
  { method: "POST", waitMs: 200 },
  // Long enough for a pod to be asked whether it is still there.
  { method: "POST", waitMs: 2000 },
] as const) {
  test(`another site's router ends under load: no ${method} of ${waitMs} ms fails, and the rest goes elsewhere`, async () => {
    await using b = await Pods.start(["b-0"]);
    await using c = await Pods.start(["c-0"]);
    await using sites = await TrafficSites.start({ others: { b: { pods: b.all }, c: { pods: c.all } } });
    await using load = new Load({
      target: sites.entrance,
      perSecond: 40_000 / waitMs,
      connections: 100,
      method,
      headers: `x-wait-ms: ${waitMs}\r\n`,
    });
    await Bun.sleep(1000);
    const tookMs = await sites.stop("b");
    const endedMs = performance.now();
    await Bun.sleep(1000);
    await load.stop();
    console.log(
      `figure: far router drains, ${method} of ${waitMs} ms: ${figureOf(load.requests)}; it ended after ${tookMs.toFixed(0)} ms`,
    );
    expect(tookMs).toBeLessThan(10_000);
    expect(Object.keys(byPod(load.requests))).toEqual(["b-0", "c-0"]);
    expect(Object.keys(byPod(load.between(endedMs)))).toEqual(["c-0"]);
    expect(byFailure(load.requests)).toEqual({});
  }, 30_000);
}

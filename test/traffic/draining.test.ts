import { expect, test } from "bun:test";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";

/* Routers that are told to end, with requests on their way through them. */

test("the client's router ends: every request that it has is answered first", async () => {
  await using pods = await Pods.start(["b-0", "b-1"]);
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  await using load = new Load({
    target: sites.entrance,
    perSecond: 100,
    connections: 100,
    method: "POST",
    headers: "x-wait-ms: 600\r\n",
  });
  await Bun.sleep(1000);
  const stoppedMs = performance.now();
  const stopped = load.stop();
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

for (const method of ["GET", "POST"] as const) {
  test(`another site's router ends under load: no ${method} fails, and the rest goes elsewhere`, async () => {
    await using b = await Pods.start(["b-0"]);
    await using c = await Pods.start(["c-0"]);
    await using sites = await TrafficSites.start({ others: { b: { pods: b.all }, c: { pods: c.all } } });
    await using load = new Load({
      target: sites.entrance,
      perSecond: 200,
      connections: 100,
      method,
      headers: "x-wait-ms: 200\r\n",
    });
    await Bun.sleep(1000);
    const tookMs = await sites.stop("b");
    const endedMs = performance.now();
    await Bun.sleep(1000);
    await load.stop();
    console.log(
      `figure: far router drains, ${method}: ${figureOf(load.requests)}; it ended after ${tookMs.toFixed(0)} ms`,
    );
    expect(tookMs).toBeLessThan(10_000);
    expect(Object.keys(byPod(load.requests))).toEqual(["b-0", "c-0"]);
    expect(Object.keys(byPod(load.between(endedMs)))).toEqual(["c-0"]);
    expect(byFailure(load.requests)).toEqual({});
  }, 30_000);
}

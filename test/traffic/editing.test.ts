import { afterAll, beforeAll, expect, test } from "bun:test";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { Pods } from "../lib/pods.ts";
import { type Policy, TrafficSites } from "../lib/traffic-sites.ts";
import { percentile } from "../../bench/lib/stats.ts";

/** From the change of the file to the first request that obeys it; the file's 25 ms of quiet are part of it. */
const APPLIES_WITHIN_MS = 100;
const EDITS = 20;

let pods: Pods;
beforeAll(async () => {
  pods = await Pods.start(["b-0", "c-0"]);
});
afterAll(async () => {
  await pods[Symbol.asyncDispose]();
});

test("20 edits of a policy under load: each in force within 100 ms, no request dropped", async () => {
  const [b, c] = [pods.all.slice(0, 1), pods.all.slice(1)];
  await using sites = await TrafficSites.start({
    others: { b: { pods: b }, c: { pods: c } },
    policy: only("b"),
  });
  await using load = new Load({ target: sites.entrance, perSecond: 500, connections: 50 });
  await Bun.sleep(500);
  const times: number[] = [];
  for (let edit = 1; edit <= EDITS; edit++) {
    const now = edit % 2 === 0 ? "b" : "c";
    const own = new OwnDelay();
    const startMs = performance.now();
    sites.setPolicy(only(now));
    await Bun.sleep(200);
    const delayMs = own.stop();
    const other = load.between(startMs).filter(({ pod }) => pod !== `${now}-0`);
    const lastMs = Math.max(startMs, ...other.map(({ dueMs }) => dueMs));
    times.push(lastMs - startMs - delayMs);
  }
  await load.stop();
  console.log(
    `figure: ${EDITS} edits in force after p50 ${percentile(times, 50).toFixed(0)} ms, max ${percentile(times, 100).toFixed(0)} ms; ${figureOf(load.requests)}; ${JSON.stringify(byPod(load.requests))}`,
  );
  expect(byFailure(load.requests)).toEqual({});
  expect(percentile(times, 100)).toBeLessThan(APPLIES_WITHIN_MS);
}, 30_000);

function only(cluster: string): Policy {
  const targets = ["b", "c"].map((name) => ({ cluster: name, weight: name === cluster ? 1 : 0 }));
  return { mode: "ActiveActive", spread: "Weighted", targets };
}

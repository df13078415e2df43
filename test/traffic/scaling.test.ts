import { expect, test } from "bun:test";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";

/** What the issue promises, from the change to shares that follow it. */
const FOLLOWS_WITHIN_MS = 1000;

test("2 -> 20 pods and back to 2 under load: shares follow within 1 s, no failed request", async () => {
  await using pods = await Pods.start(
    Array.from({ length: 20 }, (_, n) => `b-${String(n).padStart(2, "0")}`),
  );
  const two = pods.all.slice(0, 2);
  await using sites = await TrafficSites.start({ others: { b: { pods: two } } });
  await using load = new Load({ target: sites.entrance, perSecond: 400, connections: 20 });
  await Bun.sleep(500);
  const up = await change(pods.all);
  const down = await change(two);
  await load.stop();
  console.log(`figure: 2 -> 20 -> 2 pods: ${figureOf(load.requests)}`);
  console.log(`figure: all 20 had work after ${up.toFixed(0)} ms, only 2 after ${down.toFixed(0)} ms`);
  expect(byFailure(load.requests)).toEqual({});

  /** Scales, and gives how long it took until exactly these pods are asked, in equal shares from then on. */
  async function change(to: Pods["all"]): Promise<number> {
    const startMs = performance.now();
    const own = new OwnDelay();
    sites.setPods("b", to);
    await Bun.sleep(FOLLOWS_WITHIN_MS);
    const delayMs = own.stop();
    await Bun.sleep(delayMs + 1500);
    const followed = startMs + FOLLOWS_WITHIN_MS + delayMs;
    const shares = byPod(load.between(followed, followed + 1400));
    const total = Object.values(shares).reduce((sum, count) => sum + count, 0);
    expect(Object.keys(shares)).toEqual(to.map(({ name }) => name));
    for (const count of Object.values(shares)) {
      expect(Math.abs(count / total - 1 / to.length)).toBeLessThan(0.3 / to.length);
    }
    const names = new Set(to.map(({ name }) => name));
    const seen = new Map<string, number>();
    let lastOther = startMs;
    for (const { pod, dueMs } of load.between(startMs)) {
      if (!names.has(pod)) lastOther = Math.max(lastOther, dueMs);
      else if (!seen.has(pod)) seen.set(pod, dueMs);
    }
    return Math.max(lastOther, ...seen.values()) - startMs;
  }
}, 30_000);

import { expect, test } from "bun:test";
import { HeldReach } from "./held-reach.ts";

const there = (isThere: boolean, cluster = "c2"): ReadonlyMap<string, boolean> =>
  new Map([[cluster, isThere]]);

test("a cluster is there at once when it is first heard of, away at once, and back after the hold time", () => {
  const reach = new HeldReach(5000);
  reach.update(there(true), 0);
  expect(reach.isThere("c2")).toBe(true);
  reach.update(there(false), 100);
  expect([reach.isThere("c2"), reach.dueInMs(100)]).toEqual([false, undefined]);
  reach.update(there(true), 1000);
  expect([reach.isThere("c2"), reach.dueInMs(1000)]).toEqual([false, 5000]);
  reach.update(there(true), 5999);
  expect([reach.isThere("c2"), reach.dueInMs(5999)]).toEqual([false, 1]);
  reach.update(there(true), 6000);
  expect([reach.isThere("c2"), reach.dueInMs(6000)]).toEqual([true, undefined]);
});

test("who flaps once a second for a minute is seen to go once, and to come back once", () => {
  const reach = new HeldReach(5000);
  const seen: [number, boolean][] = [];
  let last: boolean | undefined;
  for (let nowMs = 0; nowMs <= 70_000; nowMs += 50) {
    reach.update(there(nowMs > 60_000 || nowMs % 1000 < 500), nowMs);
    const now = reach.isThere("c2");
    if (now !== last) seen.push([nowMs, now]);
    last = now;
  }
  expect(seen).toEqual([
    [0, true],
    [500, false],
    [65_000, true],
  ]);
});

test("however it flaps, it comes back no sooner than the hold time after it went", () => {
  for (const [onMs, offMs] of [
    [5100, 100],
    [4900, 100],
    [100, 4900],
    [6000, 6000],
  ] as const) {
    const reach = new HeldReach(5000);
    let wentMs = Number.NEGATIVE_INFINITY;
    let last = true;
    for (let nowMs = 0; nowMs < 120_000; nowMs += 20) {
      reach.update(there(nowMs % (onMs + offMs) < onMs), nowMs);
      const now = reach.isThere("c2");
      if (last && !now) wentMs = nowMs;
      if (!last && now) expect(nowMs - wentMs).toBeGreaterThanOrEqual(5000);
      last = now;
    }
  }
});

test("clusters are held each for itself, and forgotten with the network", () => {
  const reach = new HeldReach(5000);
  reach.update(
    new Map([
      ["c2", false],
      ["c3", true],
    ]),
    0,
  );
  expect([reach.isThere("c2"), reach.isThere("c3")]).toEqual([false, true]);
  reach.update(there(true, "c3"), 10);
  reach.update(there(true), 20);
  expect(reach.isThere("c2")).toBe(true);
});

import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import type { Sorted } from "../selection/balancer.ts";
import { EventLog } from "./event-log.ts";
import { ServiceWatch } from "./service-watch.ts";

/** Tiers by how much of what is new goes to each; the same tiers stay the same array. */
function sorted(tiers: { weight: number }[], ...weights: number[]): Sorted {
  for (const [index, weight] of weights.entries()) tiers[index] = { weight };
  // Of members only those that are put aside are looked at.
  return { tiers, members: new Map() } as unknown as Sorted;
}

test("a failover is active from the worse tier's first use until what it left is back", () => {
  const watched = new ServiceWatch(new EventLog(new FakeClock()));
  const watch = watched.watch("shop/web", 80);
  const tiers: { weight: number }[] = [];
  const active: [number, boolean][] = [];
  for (const weights of [
    [1, 0, 0],
    [0.5, 0.5, 0],
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
    [1, 0, 0],
  ]) {
    watch.onSorted(sorted(tiers, ...weights));
    for (const { failovers, failedOver } of watched.counts) active.push([failovers, failedOver]);
  }
  expect(active).toEqual([
    [0, false],
    [1, true],
    [2, true],
    [2, true],
    [2, false],
    [3, true],
    [3, false],
    [3, false],
  ]);
});

test("a service that only has a worse tier, and a policy that changes, are no failover", () => {
  const watched = new ServiceWatch(new EventLog(new FakeClock()));
  const watch = watched.watch("shop/web", 80);
  const first: { weight: number }[] = [];
  watch.onSorted(sorted(first, 0, 1));
  watch.onSorted(sorted([], 0, 0, 1));
  expect([...watched.counts].map(({ failedOver }) => failedOver)).toEqual([false]);
});

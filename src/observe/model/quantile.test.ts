import { expect, test } from "bun:test";
import { seededRandom } from "#core/random.ts";
import { DURATION_BOUNDS_MS } from "#router/observe/observation.ts";
import { quantileMs } from "./quantile.ts";

function bucketOf(ms: number): number {
  const index = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return index < 0 ? DURATION_BOUNDS_MS.length : index;
}

function counted(durations: readonly number[]): number[] {
  const counts = Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0);
  for (const ms of durations) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1;
  return counts;
}

test("Nothing counted has no quantile; what is longer than all bounds is told as the last", () => {
  expect(quantileMs(counted([]), 0.5)).toBeUndefined();
  expect(quantileMs(counted([60_000]), 0.5)).toBe(30_000);
});

test("Durations that are spread evenly in a bucket give the quantile itself, to three digits", () => {
  const evenly = Array.from({ length: 1000 }, (_, index) => 10 + ((index + 1) / 1000) * 5);
  expect(quantileMs(counted(evenly), 0.5)).toBe(12.5);
  expect(quantileMs(counted(evenly), 0.99)).toBe(15);
  expect(quantileMs(counted([0.1]), 1)).toBe(0.5);
});

test("A quantile is in the bucket that the true one is in, whatever the durations", () => {
  const random = seededRandom(5);
  for (let round = 0; round < 200; round++) {
    const durations = Array.from({ length: 1 + random.below(300) }, () => 10 ** (random.next() * 5.3 - 1));
    const sorted = durations.toSorted((a, b) => a - b);
    for (const share of [0.5, 0.95, 0.99]) {
      const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
      const bucket = bucketOf(truth);
      const told = quantileMs(counted(durations), share) ?? -1;
      expect(told).toBeGreaterThanOrEqual(DURATION_BOUNDS_MS[bucket - 1] ?? 0);
      expect(told).toBeLessThanOrEqual(DURATION_BOUNDS_MS[bucket] ?? 30_000);
    }
  }
});

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { TierShares } from "./tier-shares.ts";

const RAMP_MS = 1000;

/** What is wanted: each takes what it may, in order; scaled up when all together may not take everything. */
function wanted(capacities: readonly number[]): number[] {
  let left = 1;
  const shares = capacities.map((capacity) => {
    const share = Math.min(left, capacity);
    left -= share;
    return share;
  });
  const sum = 1 - left;
  return sum === 0 ? shares : shares.map((share) => share / sum);
}

function sumTo(shares: readonly number[], k: number): number {
  return shares.slice(0, k + 1).reduce((sum, share) => sum + share, 0);
}

const capacity = fc.oneof(
  fc.constantFrom(0, 0, 1, 1),
  fc.integer({ min: 0, max: 10 }).map((n) => n / 10),
);
const step = fc.record({
  capacities: fc.array(capacity, { minLength: 3, maxLength: 3 }),
  waitMs: fc.nat(1500),
});

test("through any changes of capacity everything is given out, and nothing to a tier that has nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.boolean(), (steps, manual) => {
      const shares = new TierShares({ tiers: 3, rampMs: RAMP_MS, manual });
      let nowMs = 0;
      for (const { capacities, waitMs } of steps) {
        shares.update({ capacities, nowMs });
        for (const atMs of [nowMs, nowMs + waitMs / 2, nowMs + waitMs]) {
          const now = shares.at(atMs);
          const all = capacities.some((one) => one > 0) ? 1 : 0;
          expect(sumTo(now, 2)).toBeCloseTo(all, 6);
          for (const [k, share] of now.entries()) {
            expect(share).toBeGreaterThanOrEqual(0);
            if (capacities[k] === 0) expect(share).toBe(0);
          }
        }
        nowMs += waitMs;
      }
    }),
    { numRuns: 500 },
  );
});

test("to worse tiers at once, back no faster than the ramp, and after the ramp as wanted", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const shares = new TierShares({ tiers: 3, rampMs: RAMP_MS, manual: false });
      let nowMs = 0;
      let before: readonly number[] | undefined;
      for (const { capacities, waitMs } of steps) {
        if (before !== undefined) before = shares.at(nowMs);
        shares.update({ capacities, nowMs });
        const now = shares.at(nowMs);
        const want = wanted(capacities);
        for (let k = 0; k < 3; k++) {
          expect(sumTo(now, k)).toBeLessThanOrEqual(sumTo(want, k) + 1e-6);
          const idle = before === undefined || sumTo(before, 2) === 0;
          // It rises at once only where it began, or where a worse tier cannot carry what it has.
          if (before !== undefined && !idle && sumTo(now, k) > sumTo(before, k) + 1e-6) {
            const worse = now.slice(k + 1).map((share, index) => share - (capacities[k + 1 + index] ?? 0));
            expect(worse.some((over) => over >= -1e-6)).toBe(true);
          }
        }
        const then = shares.at(nowMs + waitMs);
        for (let k = 0; k < 3; k++) {
          const most = Math.min(sumTo(want, k), sumTo(now, k) + waitMs / RAMP_MS);
          expect(sumTo(then, k)).toBeCloseTo(most, 6);
        }
        if (waitMs >= RAMP_MS) expect(shares.moving).toBe(false);
        nowMs += waitMs;
        before = then;
      }
    }),
    { numRuns: 500 },
  );
});

test("manual: nothing comes back by itself but what a worse tier cannot carry; resume begins the ramp, once", () => {
  const shares = new TierShares({ tiers: 2, rampMs: RAMP_MS, manual: true });
  shares.update({ capacities: [0, 1], nowMs: 0 });
  shares.update({ capacities: [1, 1], nowMs: 0 });
  expect(shares.at(50_000)).toEqual([0, 1]);
  shares.update({ capacities: [1, 0.75], nowMs: 50_000 });
  expect(shares.at(60_000)).toEqual([0.25, 0.75]);
  shares.resume(60_000);
  expect(shares.at(60_500)).toEqual([0.75, 0.25]);
  expect(shares.at(61_000)).toEqual([1, 0]);
  shares.update({ capacities: [0, 1], nowMs: 62_000 });
  shares.update({ capacities: [1, 1], nowMs: 62_000 });
  expect(shares.at(99_000)).toEqual([0, 1]);
});

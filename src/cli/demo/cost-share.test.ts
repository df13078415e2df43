import { expect, test } from "bun:test";
import { costShares } from "./cost-share.ts";

test("one client never has anything in flight, so the cheapest paths take all", () => {
  const [dear, cheap] = costShares({ costs: [4, 2], clients: 1 });
  expect(dear).toEqual({ min: 0, max: 0 });
  expect(cheap).toEqual({ min: 1, max: 1 });
});

test("equal costs give equal shares when ties rotate by order of use", () => {
  const shares = costShares({ costs: [1, 1], clients: 5 });
  for (const { min, max } of shares) {
    expect(min).toBeGreaterThan(0.45);
    expect(max).toBeLessThan(0.55);
  }
});

test("5 clients, one pod at cost 4 and two at cost 2: four in flight fill the cheap ones, the fifth is a tie", () => {
  const [dear, ...cheap] = costShares({ costs: [4, 2, 2], clients: 5 });
  // By hand: first in first out, and the tie to the one not used for longest, is one in five; any order of ends and any
  // winner of a tie is a Markov chain with 12 % at the dear pod. Taking 0.7 of the time there makes one in four.
  expect(dear?.min).toBeGreaterThan(0.08);
  expect(dear?.min).toBeLessThan(0.12);
  expect(dear?.max).toBeGreaterThan(0.24);
  expect(dear?.max).toBeLessThan(0.28);
  for (const range of cheap) {
    expect(range.min).toBeGreaterThan(0.35);
    expect(range.max).toBeLessThan(0.46);
  }
});

test("many clients level out what is in flight plus cost, not the requests", () => {
  const [dear, cheap] = costShares({ costs: [11, 1], clients: 110 });
  // 50 + 11 = 60 + 1, and who has more in flight finishes more.
  expect((dear?.min ?? 0) + (dear?.max ?? 0)).toBeCloseTo(2 * (50 / 110), 1);
  expect((cheap?.min ?? 0) + (cheap?.max ?? 0)).toBeCloseTo(2 * (60 / 110), 1);
});

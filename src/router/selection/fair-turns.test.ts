import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FairTurns } from "./fair-turns.ts";

interface Item {
  name: string;
  weight: number;
  eligible: number;
}
const item = (name: string, weight = 1): Item => ({ name, weight, eligible: 0 });
const take = (turns: FairTurns<Item>, count: number): string =>
  Array.from({ length: count }, () => turns.next()?.name ?? "-").join("");

test("equal weights take turns in order, exactly", () => {
  const turns = new FairTurns<Item>();
  turns.update([item("a"), item("b"), item("c")]);
  expect(take(turns, 9)).toBe("abcabcabc");
});

test("weights are interleaved, not sent in bursts", () => {
  const turns = new FairTurns<Item>();
  turns.update([item("a", 5), item("b", 1), item("c", 1)]);
  const round = take(turns, 70);
  for (let at = 0; at + 7 <= 70; at += 7) {
    const window = round.slice(at, at + 7);
    expect(window.split("a").length - 1).toBe(5);
  }
  expect(round).not.toContain("aaaaaaa");
});

test("after any number of turns everyone is less than one turn from its fair share", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 400 }),
      (weights, count) => {
        const turns = new FairTurns<Item>();
        const items = weights.map((weight, index) => item(String(index), weight));
        turns.update(items);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const counts = new Map<Item, number>();
        for (let n = 1; n <= count; n++) {
          const chosen = turns.next() as Item;
          counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
          for (const one of items) {
            expect(Math.abs((counts.get(one) ?? 0) - (n * one.weight) / total)).toBeLessThan(1 + 1e-6);
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("with equal weights every window of N turns is exact, whatever came and went before", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 8 }),
          fc.integer({ min: 0, max: 9 }),
        ),
        {
          minLength: 1,
          maxLength: 12,
        },
      ),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 30 }),
      (churn, window, skip) => {
        const all = Array.from({ length: 8 }, (_, index) => item(String(index)));
        const turns = new FairTurns<Item>();
        let present: Item[] = [];
        for (const [members, picks] of churn) {
          present = members.map((index) => all[index] as Item);
          turns.update(present);
          for (let n = 0; n < picks; n++) turns.next();
        }
        for (let n = 0; n < skip; n++) turns.next();
        const counts = new Map(present.map((one) => [one, 0]));
        for (let n = 0; n < window; n++) {
          const chosen = turns.next() as Item;
          counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
        }
        const fair = window / present.length;
        for (const count of counts.values())
          expect(Math.abs(count - fair)).toBeLessThanOrEqual(skip < 16 ? 2 : 1);
      },
    ),
    { numRuns: 300 },
  );
});

test("through any churn of weighted items each gets its running fair share within one turn, two with joins", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 }),
          fc.integer({ min: 0, max: 25 }),
        ),
        {
          minLength: 1,
          maxLength: 20,
        },
      ),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 6, maxLength: 6 }),
      (churn, weights) => {
        const all = weights.map((weight, index) => item(String(index), weight));
        const turns = new FairTurns<Item>();
        for (const [members, picks] of churn) {
          const present = members.map((index) => all[index] as Item);
          turns.update(present);
          const total = present.reduce((sum, one) => sum + one.weight, 0);
          const counts = new Map(present.map((one) => [one, 0]));
          for (let n = 1; n <= picks; n++) {
            const chosen = turns.next() as Item;
            counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
            for (const [one, count] of counts)
              expect(Math.abs(count - (n * one.weight) / total)).toBeLessThan(2 + 1e-6);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("one that comes and goes all the time neither starves nor gains", () => {
  const turns = new FairTurns<Item>();
  const [a, b] = [item("a"), item("b")];
  const counts = { a: 0, b: 0 };
  for (let n = 0; n < 1000; n++) {
    turns.update(n % 4 === 3 ? [a] : [a, b]);
    counts[turns.next()?.name as "a" | "b"]++;
  }
  // b is there for 3 of 4 turns, so its fair share is 375.
  expect(Math.abs(counts.b - 375)).toBeLessThanOrEqual(130);
  expect(counts.a + counts.b).toBe(1000);
});

test("turns stay exact over millions", () => {
  const turns = new FairTurns<Item>();
  const items = [item("a", 3), item("b", 7), item("c", 1)];
  turns.update(items);
  const counts: Record<string, number> = {};
  for (let n = 0; n < 1_100_000; n++) {
    const name = (turns.next() as Item).name;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  expect(counts).toEqual({ a: 300_000, b: 700_000, c: 100_000 });
});

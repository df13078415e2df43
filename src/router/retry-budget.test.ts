import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { RetryBudget } from "./retry-budget.ts";

function allowed(budget: RetryBudget, attempts: number): number {
  let count = 0;
  for (let n = 0; n < attempts; n++) if (budget.allow()) count++;
  return count;
}

test("retries are at most a part of the requests of the last 10 s", () => {
  const clock = new FakeClock();
  const budget = new RetryBudget(clock, 20);
  for (let n = 0; n < 1000; n++) {
    budget.started();
    clock.advance(9);
  }
  expect(allowed(budget, 1000)).toBe(200);
  clock.advance(12_000);
  expect(allowed(budget, 1000)).toBe(30);
});

test("a service with few requests has 3 retries per second", () => {
  const clock = new FakeClock();
  const budget = new RetryBudget(clock, 20);
  expect(allowed(budget, 100)).toBe(30);
  clock.advance(5000);
  expect(allowed(budget, 100)).toBe(0);
  clock.advance(5000);
  expect(allowed(budget, 100)).toBe(30);
});

test("with 0 percent there is none; a change applies at once", () => {
  const budget = new RetryBudget(new FakeClock(), 0);
  expect(allowed(budget, 10)).toBe(0);
  budget.percent = 20;
  expect(allowed(budget, 10)).toBe(10);
});

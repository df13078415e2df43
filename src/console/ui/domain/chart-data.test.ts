import { expect, test } from "bun:test";
import type { HistoryView } from "#observe/views.ts";
import { RANGES, rangeOf, stackPods, valuesAt } from "./chart-data.ts";

const history: HistoryView = {
  service: "n/app",
  stepMs: 1000,
  timesMs: [0, 1000, 2000],
  pods: [
    { name: "others", site: "", rps: [1, null, 1] },
    { name: "b", site: "c3", rps: [2, null, 4] },
    { name: "a", site: "c2", rps: [3, null, 0] },
  ],
  errors: [0, null, 0],
  p50Ms: [1, null, 1],
  p95Ms: [1, null, 1],
  p99Ms: [1, null, 1],
  events: [],
  gaps: [{ fromMs: 1000, toMs: 2000 }],
};

test("pods are stacked by site, the others on top, and a gap stays a gap", () => {
  const stack = stackPods(history);
  expect(stack.map(({ name }) => name)).toEqual(["a", "b", "others"]);
  expect(stack.map(({ top }) => top)).toEqual([
    [3, null, 0],
    [5, null, 4],
    [6, null, 5],
  ]);
  expect(stack[1]?.values).toEqual([2, null, 4]);
});

test("without a chosen step the last known one is told", () => {
  const columns = [
    [1, 2, null],
    [3, 4, null],
  ];
  expect(valuesAt(columns, undefined)).toEqual([2, 4]);
  expect(valuesAt(columns, 0)).toEqual([1, 3]);
  expect(valuesAt([], undefined)).toEqual([]);
});

test("a range that is not known is the first, and each has at most 200 steps", () => {
  expect(rangeOf("nonsense").name).toBe("5m");
  for (const { ms, stepMs } of RANGES) expect(ms / stepMs).toBeLessThanOrEqual(200);
});

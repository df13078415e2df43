import { expect, test } from "bun:test";
import { deviations, type Expectation, rangeText, share } from "./expectation.ts";

const HALVES: Expectation = {
  text: "half each",
  perPod: new Map([
    ["c2", share(0.5)],
    ["c3", share(0.5)],
  ]),
  pods: new Map([
    ["c2", 1],
    ["c3", 1],
  ]),
};

function pods(c2: number, c3: number) {
  return [
    { cluster: "c2", pod: "a", requests: c2 },
    { cluster: "c3", pod: "b", requests: c3 },
  ];
}

test("a share within 1 % is as promised, and one beyond is not", () => {
  expect(deviations(HALVES, { requests: 1000, failed: 0, pods: pods(510, 490) })).toEqual([]);
  expect(deviations(HALVES, { requests: 1000, failed: 0, pods: pods(511, 489) })).toEqual([
    "a of c2 got 51.1 %, expected 49.0 to 51.0 %",
    "b of c3 got 48.9 %, expected 49.0 to 51.0 %",
  ]);
});

test("a failed request is never as promised", () => {
  expect(deviations(HALVES, { requests: 1000, failed: 1, pods: pods(500, 499) })).toEqual([
    "1 of 1000 requests failed",
  ]);
});

test("a pod that never answered is noticed, and so is one that should not have", () => {
  const found = deviations(HALVES, {
    requests: 1000,
    failed: 0,
    pods: [
      { cluster: "c2", pod: "a", requests: 500 },
      { cluster: "c9", pod: "x", requests: 500 },
    ],
  });
  expect(found).toEqual(["0 of 1 pods of c3 answered", "x of c9 got 500, expected none"]);
});

test("ranges read well", () => {
  expect(rangeText({ min: 0.115, max: 0.21 })).toBe("11.5 to 21.0 %");
  expect(rangeText({ min: 1, max: 1 })).toBe("100.0 %");
  expect(rangeText({ min: 0.99, max: 1.01 })).toBe("99.0 to 100.0 %");
});

import { expect, test } from "bun:test";
import { bytes, duration, exactTime, percent, plural, rate, share, span } from "./format.ts";

test("rates keep one digit below a hundred and thousands above ten thousand", () => {
  expect([0, 0.01, 4.25, 99.9, 123.4, 4567, 12_345].map(rate)).toEqual([
    "0.0/s",
    "<0.1/s",
    "4.3/s",
    "99.9/s",
    "123/s",
    "4,567/s",
    "12.3k/s",
  ]);
});

test("durations choose their unit", () => {
  expect([0, 0.42, 12.34, 340, 1240, 61_000, 7_500_000].map(duration)).toEqual([
    "0 ms",
    "0.42 ms",
    "12.3 ms",
    "340 ms",
    "1.24 s",
    "1 min 1 s",
    "2 h 5 min",
  ]);
});

test("a long span is told in days", () => {
  expect(span(29.5 * 86_400_000)).toBe("29 d");
});

test("bytes are decimal", () => {
  expect([0, 999, 1000, 1_240_000, 12_300_000_000].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.00 kB",
    "1.24 MB",
    "12.3 GB",
  ]);
});

test("success is never rounded up to all", () => {
  expect([100, 99.9999, 99.951, 97.24, 0].map(percent)).toEqual([
    "100 %",
    "99.99 %",
    "99.95 %",
    "97.2 %",
    "0.0 %",
  ]);
});

test("what is not known is a dash", () => {
  expect([
    rate(undefined),
    bytes(undefined),
    duration(undefined),
    percent(undefined),
    share(undefined),
  ]).toEqual(Array.from({ length: 5 }, () => "–"));
});

test("words are counted", () => {
  expect([plural(1, "pod"), plural(1200, "pod")]).toEqual(["1 pod", "1,200 pods"]);
});

test("the time of a flow has its milliseconds", () => {
  expect(exactTime(new Date(2026, 0, 2, 3, 4, 5, 67).getTime())).toBe("03:04:05.067");
});

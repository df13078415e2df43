import { expect, test } from "bun:test";
import { formatAge, parseDurationMs } from "./duration.ts";

test("durations are read as Kubernetes writes them", () => {
  expect(parseDurationMs("500ms")).toBe(500);
  expect(parseDurationMs("15m")).toBe(900_000);
  expect(parseDurationMs("1h30m")).toBe(5_400_000);
  expect(parseDurationMs("1.5s")).toBe(1500);
});

test("what is no duration is refused with the forms that are", () => {
  for (const text of ["", "15", "m", "15 m", "1d", "-5s", "5s!"]) {
    expect(() => parseDurationMs(text)).toThrow(`Cannot read duration "${text}"`);
  }
});

test("ages are written as kubectl writes them", () => {
  expect([45_000, 119_000, 200_000, 300_000, 3_600_000, 36_000_000, 1_036_800_000].map(formatAge)).toEqual([
    "45s",
    "119s",
    "3m20s",
    "5m",
    "60m",
    "10h",
    "12d",
  ]);
});

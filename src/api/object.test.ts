import { describe, expect, test } from "bun:test";
import { type Condition, conditionOf, isTrue, setCondition } from "./object.ts";

const EARLIER = "2026-01-01T00:00:00Z";
const NOW = "2026-01-02T00:00:00Z";
const ready: Condition = {
  type: "Ready",
  status: "True",
  reason: "Up",
  message: "",
  lastTransitionTime: EARLIER,
  observedGeneration: 1,
};

describe("setCondition", () => {
  test("adds a condition that was not there, after the others", () => {
    const next = { type: "Configured", status: "False", reason: "Invalid", message: "no" } as const;
    expect(setCondition([ready], next, NOW)).toEqual([ready, { ...next, lastTransitionTime: NOW }]);
    expect(setCondition(undefined, next, NOW)).toEqual([{ ...next, lastTransitionTime: NOW }]);
  });

  test("keeps the time of the transition while the status stays the same", () => {
    const next = {
      type: "Ready",
      status: "True",
      reason: "StillUp",
      message: "m",
      observedGeneration: 2,
    } as const;
    expect(setCondition([ready], next, NOW)).toEqual([{ ...next, lastTransitionTime: EARLIER }]);
  });

  test("takes the new time when the status changes", () => {
    const next = { type: "Ready", status: "Unknown", reason: "Up", message: "" } as const;
    expect(setCondition([ready], next, NOW)).toEqual([{ ...next, lastTransitionTime: NOW }]);
  });

  test("returns the same array when nothing changes, so that no write is due", () => {
    const conditions = [ready];
    const { lastTransitionTime: _time, ...same } = ready;
    expect(setCondition(conditions, same, NOW)).toBe(conditions);
  });

  test("changes neither the array nor the conditions it was given", () => {
    const conditions = Object.freeze([Object.freeze({ ...ready })]);
    setCondition(conditions, { type: "Ready", status: "False", reason: "Down", message: "" }, NOW);
    expect(conditions).toEqual([ready]);
  });
});

test("conditionOf and isTrue read a list that may be absent", () => {
  expect(conditionOf(undefined, "Ready")).toBeUndefined();
  expect(isTrue(undefined, "Ready")).toBe(false);
  expect(conditionOf([ready], "Ready")).toBe(ready);
  expect(isTrue([ready], "Ready")).toBe(true);
  expect(isTrue([{ ...ready, status: "Unknown" }], "Ready")).toBe(false);
});

import { expect, test } from "bun:test";
import { gapsWithin, paint, withAlpha } from "./chart-look.ts";

test("a colour is mixed with what is below it", () => {
  expect(paint("#ff0000", { over: "#0000ff", alpha: 0.5 })).toBe("rgb(128 0 128)");
  expect(paint("#f00", { over: "#fff", alpha: 0.5 })).toBe("rgb(255 128 128)");
  expect(paint("#102030", { over: "#ffffff", alpha: 1 })).toBe("rgb(16 32 48)");
  expect(withAlpha("#102030", 0.3)).toBe("rgb(16 32 48 / 0.3)");
});

test("gaps are cut to what is shown", () => {
  const gaps = [
    { fromMs: 0, toMs: 10 },
    { fromMs: 15, toMs: 30 },
    { fromMs: 50, toMs: 60 },
  ];
  expect(gapsWithin(gaps, { fromMs: 12, toMs: 20 })).toEqual([{ fromMs: 15, toMs: 20 }]);
});

import { expect, test } from "bun:test";
import { gapsWithin, paint, withAlpha } from "./chart-look.ts";

test("a colour is mixed with what is below it", () => {
  expect(paint("rgb(255, 0, 0)", { over: "rgb(0, 0, 255)", alpha: 0.5 })).toBe("rgb(128 0 128)");
  expect(paint("rgb(16, 32, 48)", { over: "rgb(255, 255, 255)", alpha: 1 })).toBe("rgb(16 32 48)");
  expect(withAlpha("rgb(16, 32, 48)", 0.3)).toBe("rgb(16 32 48 / 0.3)");
});

test("gaps are cut to what is shown", () => {
  const gaps = [
    { fromMs: 0, toMs: 10 },
    { fromMs: 15, toMs: 30 },
    { fromMs: 50, toMs: 60 },
  ];
  expect(gapsWithin(gaps, { fromMs: 12, toMs: 20 })).toEqual([{ fromMs: 15, toMs: 20 }]);
});

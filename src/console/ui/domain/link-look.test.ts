import { expect, test } from "bun:test";
import { arrowsOf, linkWidth, speedOf } from "./link-look.ts";

test("a link grows with what it carries, by steps and within bounds", () => {
  expect([0, 1000, 10_000, 99_000, 1e6, 1e12].map(linkWidth)).toEqual([8, 8, 10, 10, 14, 18]);
});

test("speeds are three steps", () => {
  expect([1, 20_000, 5_000_000].map(speedOf)).toEqual(["slow", "medium", "fast"]);
});

test("arrows follow how the link lies on the map", () => {
  expect(arrowsOf("left")).toEqual(["←", "→"]);
  expect(arrowsOf("down")).toEqual(["↓", "↑"]);
});

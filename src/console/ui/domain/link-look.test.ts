import { expect, test } from "bun:test";
import type { LinkEdge } from "#observe/views.ts";
import { linkWidth, speedOf, trafficLine } from "./link-look.ts";

test("a link grows with what it carries, within bounds", () => {
  expect([0, 1000, 10_000, 1e6, 1e12].map(linkWidth)).toEqual([8, 8, 9.6, 12.8, 16]);
});

test("speeds are three steps", () => {
  expect([1, 20_000, 5_000_000].map(speedOf)).toEqual(["slow", "medium", "fast"]);
});

test("arrows follow how the link lies on the map", () => {
  const link = { bytesForth: 1500, bytesBack: 20 } as LinkEdge;
  expect(trafficLine(link, "left")).toBe("← 1.50 kB/s  → 20 B/s");
  expect(trafficLine(link, "down")).toBe("↓ 1.50 kB/s  ↑ 20 B/s");
});

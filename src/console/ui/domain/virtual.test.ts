import { expect, test } from "bun:test";
import { rowsInSight, scrollTo } from "./virtual.ts";

test("the rows in sight are drawn, and some around them", () => {
  expect(rowsInSight({ scrollTop: 400, height: 200, rowHeight: 40, count: 1000, around: 2 })).toEqual({
    from: 8,
    to: 17,
  });
});

test("a table shorter than its place is drawn whole", () => {
  expect(rowsInSight({ scrollTop: 0, height: 600, rowHeight: 40, count: 3 })).toEqual({ from: 0, to: 3 });
});

test("a table that shrank under its scroll position shows its end", () => {
  expect(rowsInSight({ scrollTop: 9000, height: 200, rowHeight: 40, count: 10, around: 4 })).toEqual({
    from: 6,
    to: 10,
  });
});

test("a row out of sight is scrolled to the nearer edge", () => {
  const place = { scrollTop: 400, height: 200, rowHeight: 40 };
  expect([3, 10, 14, 15].map((index) => scrollTo({ ...place, index }))).toEqual([
    120,
    undefined,
    undefined,
    440,
  ]);
});

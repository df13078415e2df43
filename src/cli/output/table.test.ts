import { expect, test } from "bun:test";
import { formatTable } from "./table.ts";

test("columns are as wide as their widest cell, three spaces apart, without trailing blanks", () => {
  expect(
    formatTable(
      ["NAME", "COST", "STATE"],
      [
        ["c1", "1", "up"],
        ["a-long-name", "1000", "down"],
      ],
    ),
  ).toBe(
    ["NAME          COST   STATE", "c1            1      up", "a-long-name   1000   down", ""].join("\n"),
  );
});

test("an empty cell is shown as <none>, so that columns can be cut by a script", () => {
  expect(formatTable(["A", "B"], [["", "x"]])).toBe("A        B\n<none>   x\n");
});

test("colour codes take no room", () => {
  const lines = formatTable(
    ["A", "B"],
    [
      ["\u001b[32mup\u001b[0m", "x"],
      ["abc", "y"],
    ],
  ).split("\n");
  expect(lines.map((line) => Bun.stripANSI(line))).toEqual(["A     B", "up    x", "abc   y", ""]);
});

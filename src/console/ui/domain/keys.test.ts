import { expect, test } from "bun:test";
import { KeyMatcher, SEQUENCE_MS } from "./keys.ts";

const shortcuts = ["g n", "g s", "/", "s"];
const typed = (keys: readonly (readonly [string, number])[]): (string | undefined)[] => {
  const matcher = new KeyMatcher();
  return keys.map(([key, atMs]) => matcher.press(key, { atMs, shortcuts }));
};

test("two keys in a row are one shortcut", () => {
  expect(
    typed([
      ["g", 1000],
      ["n", 1300],
    ]),
  ).toEqual([undefined, "g n"]);
});

test("a second key that comes too late stands alone", () => {
  expect(
    typed([
      ["g", 1000],
      ["s", 1000 + SEQUENCE_MS],
    ]),
  ).toEqual([undefined, "s"]);
});

test("the first key may be typed again", () => {
  expect(
    typed([
      ["g", 1000],
      ["g", 1100],
      ["s", 1200],
    ]),
  ).toEqual([undefined, undefined, "g s"]);
});

test("an unknown second key leaves nothing behind", () => {
  expect(
    typed([
      ["g", 1000],
      ["x", 1100],
      ["s", 1200],
      ["/", 1300],
    ]),
  ).toEqual([undefined, undefined, "s", "/"]);
});

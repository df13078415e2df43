import { expect, test } from "bun:test";
import { findPlaces } from "./places.ts";

const places = ["Network", "shop/app", "shop/catalog", "shop/app-2", "c1"].map((name) => ({
  name,
  kind: "",
  href: name,
}));
const found = (text: string): string[] => findPlaces(places, text).map(({ name }) => name);

test("without letters every place is found", () => {
  expect(found(" ")).toHaveLength(5);
});

test("the beginning of a word comes before its middle, the shorter name before the longer", () => {
  expect(found("app")).toEqual(["shop/app", "shop/app-2"]);
  expect(found("a")).toEqual(["shop/app", "shop/app-2", "shop/catalog"]);
});

test("letters may be left out", () => {
  expect(found("sct")).toEqual(["shop/catalog"]);
  expect(found("zz")).toEqual([]);
});

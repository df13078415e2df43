import { expect, test } from "bun:test";
import { SiteColours } from "./site-colours.ts";

test("a site keeps its colour when others come", () => {
  const colours = new SiteColours();
  colours.know(["c3", "c1"]);
  expect([colours.classOf("c1"), colours.classOf("c3")]).toEqual(["site-0", "site-1"]);
  colours.know(["c2", "c1", "c3"]);
  expect([colours.classOf("c1"), colours.classOf("c3"), colours.classOf("c2")]).toEqual([
    "site-0",
    "site-1",
    "site-2",
  ]);
});

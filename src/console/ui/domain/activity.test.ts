import { expect, test } from "bun:test";
import type { ActivityItem } from "#observe/views.ts";
import { mergeActivity } from "./activity.ts";

const item = (id: number): ActivityItem => ({ id, atMs: id, kind: "LinkUp", severity: "info", message: "" });

test("news and older pages become one list, newest first, each item once", () => {
  const list = mergeActivity([item(3), item(2)], [item(2), item(4), item(1)]);
  expect(list.map(({ id }) => id)).toEqual([4, 3, 2, 1]);
});

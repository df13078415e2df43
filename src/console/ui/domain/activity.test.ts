import { expect, test } from "bun:test";
import type { ActivityItem } from "#observe/views.ts";
import { mergeActivity, tellingEvents } from "./activity.ts";

const item = (id: number): ActivityItem => ({ id, atMs: id, kind: "LinkUp", severity: "info", message: "" });

test("a time line tells what moved requests", () => {
  const items = [
    item(1),
    { ...item(2), kind: "ConfigApplied" as const },
    { ...item(3), kind: "Failover" as const },
  ];
  expect(tellingEvents(items).map(({ id }) => id)).toEqual([1, 3]);
});

test("news and older pages become one list, newest first, each item once", () => {
  const list = mergeActivity([item(3), item(2)], [item(2), item(4), item(1)]);
  expect(list.map(({ id }) => id)).toEqual([4, 3, 2, 1]);
});

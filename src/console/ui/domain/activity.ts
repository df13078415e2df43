import type { ActivityItem } from "#observe/views.ts";

const MOST = 2000;

/** Both lists as one, newest first, each item once. */
export function mergeActivity(
  a: readonly ActivityItem[],
  b: readonly ActivityItem[],
): readonly ActivityItem[] {
  const byId = new Map([...a, ...b].map((item) => [item.id, item]));
  return [...byId.values()].toSorted((x, y) => y.id - x.id).slice(0, MOST);
}

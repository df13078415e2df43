import type { ActivityItem } from "#observe/views.ts";

const MOST = 2000;

/** What stands on the time line of a service: what moved its requests, not that everything is as it was. */
const TELLING = new Set<ActivityItem["kind"]>([
  "LinkUp",
  "LinkDown",
  "SiteUnreachable",
  "EndpointEjected",
  "EndpointBack",
  "Failover",
  "Failback",
  "NoEndpoints",
  "EndpointsBack",
  "ConfigRefused",
  "RouterRestarted",
  "RouterLost",
]);

export function tellingEvents(items: readonly ActivityItem[]): ActivityItem[] {
  return items.filter(({ kind }) => TELLING.has(kind));
}

/** Both lists as one, newest first, each item once. */
export function mergeActivity(
  a: readonly ActivityItem[],
  b: readonly ActivityItem[],
): readonly ActivityItem[] {
  const byId = new Map([...a, ...b].map((item) => [item.id, item]));
  return [...byId.values()].toSorted((x, y) => y.atMs - x.atMs || y.id - x.id).slice(0, MOST);
}

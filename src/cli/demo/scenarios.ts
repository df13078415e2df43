import type { Spread } from "#api/kinds/traffic-policy.ts";
import { costShares, type ShareRange } from "./cost-share.ts";
import { CHANCE, type Expectation, rangeText, share } from "./expectation.ts";
import { APP_CLUSTERS, type AppCluster } from "./places.ts";

/** The state of the three clusters that a scenario runs in. */
export interface Situation {
  readonly pods: Readonly<Record<AppCluster, number>>;
  readonly costs: Readonly<Record<AppCluster, number>>;
  readonly spread: Spread;
}

export interface Scenario extends Situation {
  /** What `--scenario` chooses it by. */
  readonly number: "1" | "2" | "3" | "4";
  readonly name: string;
  /** What the app takes for an answer, ms: where requests in flight decide, there must be some. */
  readonly workMs: number;
}

/** The state after setting up. */
export const BEGINNING: Situation = { pods: { c2: 1, c3: 1 }, costs: { c2: 1, c3: 1 }, spread: "Endpoints" };

export const SCENARIOS: readonly Scenario[] = [
  { number: "1", name: "1: one pod in each cluster, equal cost", ...BEGINNING, workMs: 0 },
  {
    number: "2",
    name: "2: one pod and two pods, equal cost",
    ...BEGINNING,
    pods: { c2: 1, c3: 2 },
    workMs: 0,
  },
  {
    number: "2",
    name: "2 with spread Clusters: one pod and two pods, equal cost",
    ...BEGINNING,
    pods: { c2: 1, c3: 2 },
    spread: "Clusters",
    workMs: 0,
  },
  {
    number: "3",
    name: "3: no pods behind the cheaper link, cost 4 and 2",
    pods: { c2: 1, c3: 0 },
    costs: { c2: 4, c3: 2 },
    spread: "Cost",
    workMs: 0,
  },
  {
    number: "4",
    name: "4: one pod and two pods, cost 4 and 2, spread Cost",
    pods: { c2: 1, c3: 2 },
    costs: { c2: 4, c3: 2 },
    spread: "Cost",
    workMs: 20,
  },
];

export interface ClientSide {
  readonly clients: number;
}

/** What the documented rules promise in this situation, computed from them. */
export function expectationOf(situation: Situation, side: ClientSide): Expectation {
  const perPod = new Map<string, ShareRange>();
  for (const cluster of APP_CLUSTERS) {
    if (situation.pods[cluster] > 0) perPod.set(cluster, podShare(situation, { cluster, ...side }));
  }
  const pods = new Map(APP_CLUSTERS.map((cluster) => [cluster, situation.pods[cluster]]));
  return { text: textOf(situation, perPod), perPod, pods };
}

function podShare(situation: Situation, at: ClientSide & { cluster: AppCluster }): ShareRange {
  const { pods, spread } = situation;
  const { cluster } = at;
  const serving = APP_CLUSTERS.filter((name) => pods[name] > 0);
  const total = serving.reduce((sum, name) => sum + pods[name], 0);
  if (spread === "Cost") return costShare(situation, at);
  return share(spread === "Endpoints" ? 1 / total : 1 / serving.length / pods[cluster]);
}

function costShare(
  { pods, costs }: Situation,
  { cluster, clients }: ClientSide & { cluster: AppCluster },
): ShareRange {
  const serving = APP_CLUSTERS.filter((name) => pods[name] > 0);
  const endpoints = serving.flatMap((name) => Array.from({ length: pods[name] }, () => name));
  if (endpoints.length === 1) return { min: 1, max: 1 };
  const ranges = costShares({ costs: endpoints.map((name) => costs[name]), clients });
  const mine = ranges.filter((_, index) => endpoints[index] === cluster);
  const min = Math.min(...mine.map((range) => range.min));
  const max = Math.max(...mine.map((range) => range.max));
  // Where the rule leaves nothing open, it leaves nothing to chance either.
  const exact = clients === 1 && max === 0;
  return exact ? { min, max } : { min: min - CHANCE, max: max + CHANCE };
}

function textOf(situation: Situation, perPod: ReadonlyMap<string, ShareRange>): string {
  return APP_CLUSTERS.flatMap((cluster) => {
    const range = perPod.get(cluster);
    if (range === undefined) return [];
    return `${cluster} ${rangeText(range)}${situation.pods[cluster] > 1 ? " each" : ""}`;
  }).join(", ");
}

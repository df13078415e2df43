import type { SelectionPolicy, Target } from "./policy.ts";

/** A cluster as a policy sees it. */
export interface Cluster {
  readonly siteId: string;
  readonly name: string;
  readonly local: boolean;
}

/** Where the clusters of a service stand. */
export interface TierPlan {
  /** How many tiers there are; the first is this cluster's own, or with ActiveActive everyone's. */
  readonly count: number;
  /** Number of a cluster's tier; -1 when it takes no part. */
  tierOf(cluster: Cluster): number;
  /** Weight that the policy gives to a cluster; 1 where it says nothing. */
  weightOf(cluster: Cluster): number;
}

/**
 * Tiers as the mode says. `Local`: this cluster only. `ActiveActive`: this cluster and the targets (or all) together.
 * `Failover`: this cluster; then the targets, those of equal priority together, lower ones first; targets without a
 * priority come after those with one, in order, each alone. Without targets all other clusters are the second tier.
 */
export function planTiers({ mode, targets }: SelectionPolicy): TierPlan {
  const weightOf = (cluster: Cluster): number => targetOf(targets, cluster)?.weight ?? 1;
  switch (mode) {
    case "Local":
      return { count: 1, weightOf, tierOf: ({ local }) => (local ? 0 : -1) };
    case "ActiveActive":
      return {
        count: 1,
        weightOf,
        tierOf: (cluster) =>
          cluster.local || targets === undefined || targetOf(targets, cluster) !== undefined ? 0 : -1,
      };
    case "Failover": {
      const tiers = failoverTiers(targets);
      return {
        count: 1 + (targets === undefined ? 1 : new Set(tiers.values()).size),
        weightOf,
        tierOf: (cluster) => {
          if (cluster.local) return 0;
          if (targets === undefined) return 1;
          const target = targetOf(targets, cluster);
          return target === undefined ? -1 : (tiers.get(target) ?? -1);
        },
      };
    }
    default:
      return mode satisfies never;
  }
}

/** The target that names a cluster: by id before by name. */
export function targetOf(
  targets: readonly Target[] | undefined,
  { siteId, name }: Cluster,
): Target | undefined {
  return (
    targets?.find(({ cluster }) => cluster === siteId) ?? targets?.find(({ cluster }) => cluster === name)
  );
}

function failoverTiers(targets: readonly Target[] | undefined): Map<Target, number> {
  const tiers = new Map<Target, number>();
  // This cluster is the first tier, whatever it is listed for.
  const others = (targets ?? []).filter(({ local }) => !local);
  const byPriority = Map.groupBy(
    others.filter(({ priority }) => priority !== undefined),
    ({ priority }) => priority ?? 0,
  );
  const groups = [...byPriority].toSorted(([a], [b]) => a - b).map(([, group]) => group);
  for (const target of others) if (target.priority === undefined) groups.push([target]);
  for (const [index, group] of groups.entries()) for (const target of group) tiers.set(target, index + 1);
  return tiers;
}

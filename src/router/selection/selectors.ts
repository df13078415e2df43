import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import { AtRandom } from "./at-random.ts";
import { ByCluster, type ClusterWeight } from "./by-cluster.ts";
import { ByHash } from "./by-hash.ts";
import type { Selector } from "./candidate.ts";
import { Fastest } from "./fastest.ts";
import { LeastLoaded } from "./least-loaded.ts";
import type { SelectionPolicy } from "./policy.ts";
import { RoundRobin } from "./round-robin.ts";

export interface Chances {
  readonly clock: Clock;
  readonly random: Random;
}

/** What chooses inside a tier. */
export function selectorOf(policy: SelectionPolicy, chances: Chances): Selector {
  const { spread, algorithm, spillAt } = policy;
  const weightOf = clusterWeightOf(policy);
  switch (spread) {
    case "Endpoints":
      return insideOf(algorithm, chances);
    case "Clusters":
    case "Weighted":
      return new ByCluster(() => insideOf(algorithm, chances), weightOf ?? equally);
    case "Cost":
      return new LeastLoaded({ byCost: true, spillAt });
    case "Latency":
      return new Fastest(chances);
    default:
      return spread satisfies never;
  }
}

/** What chooses inside a tier for a request whose hash is known; undefined when the policy does not hash. */
export function hasherOf(policy: SelectionPolicy): ByHash | undefined {
  return policy.hash === undefined ? undefined : new ByHash(clusterWeightOf(policy));
}

/** Set where shares are those of clusters. */
export function clusterWeightOf({ spread }: SelectionPolicy): ClusterWeight | undefined {
  switch (spread) {
    case "Clusters":
      return equally;
    case "Weighted":
      return (member) => member.clusterWeight;
    default:
      return undefined;
  }
}

function equally(): number {
  return 1;
}

function insideOf(algorithm: SelectionPolicy["algorithm"], chances: Chances): Selector {
  switch (algorithm) {
    case "LeastRequest":
      return new LeastLoaded({ byCost: false });
    case "Random":
      return new AtRandom(chances.random);
    case "PeakEwma":
      return new Fastest(chances);
    case "RoundRobin":
    // For requests that have nothing to hash.
    case "Hash":
      return new RoundRobin();
    default:
      return algorithm satisfies never;
  }
}

import type { ClusterWeight } from "./by-cluster.ts";
import type { Candidate, Tried } from "./candidate.ts";
import { hash32, mix32 } from "./hash.ts";

interface Group {
  readonly seed: number;
  readonly weight: number;
  readonly members: readonly Candidate[];
  /** All weights are the same. */
  readonly even: boolean;
}

/**
 * The same endpoint for the same hash, by rendezvous hashing (Thaler and Ravishankar 1996; weighted as by Schindelhauer and
 * Schomaker 2005): the endpoint with the highest score for the hash wins. When one goes, only what it had moves; when
 * one comes, it takes its share and nothing else moves. O(endpoints), without a table.
 *
 * With `weightOf` the cluster is chosen first, in the same way.
 */
export class ByHash {
  readonly #weightOf: ClusterWeight | undefined;
  #groups: readonly Group[] = [];
  #even = true;

  constructor(weightOf: ClusterWeight | undefined) {
    this.#weightOf = weightOf;
  }

  update(candidates: readonly Candidate[]): void {
    const weightOf = this.#weightOf;
    if (weightOf === undefined) {
      this.#groups = candidates.length === 0 ? [] : [groupOf(candidates, { seed: 0, weight: 1 })];
    } else {
      this.#groups = [...Map.groupBy(candidates, (one) => one.endpoint.siteId)].map(([siteId, members]) =>
        groupOf(members, { seed: hash32(siteId), weight: weightOf(members[0] as Candidate) }),
      );
    }
    this.#even = sameWeights(this.#groups);
  }

  choose(hash: number, tried: Tried): Candidate | undefined {
    const groups = this.#groups;
    let best: Group | undefined = groups[0];
    if (groups.length > 1) {
      best = undefined;
      let bestScore = Number.NEGATIVE_INFINITY;
      for (const group of groups) {
        if (tried.length > 0 && group.members.every((one) => tried.includes(one.endpoint))) continue;
        const score = scoreOf(hash, group, this.#even);
        if (score <= bestScore) continue;
        best = group;
        bestScore = score;
      }
    }
    return best === undefined ? undefined : inGroup(best, { hash: mix32(hash ^ 0x9e3779b9), tried });
  }
}

function inGroup(
  { members, even }: Group,
  { hash, tried }: { readonly hash: number; readonly tried: Tried },
): Candidate | undefined {
  let best: Candidate | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < members.length; i++) {
    const one = members[i] as Candidate;
    if (tried.length > 0 && tried.includes(one.endpoint)) continue;
    const score = scoreOf(hash, one, even);
    if (score <= bestScore) continue;
    best = one;
    bestScore = score;
  }
  return best;
}

function scoreOf(
  hash: number,
  { seed, weight }: { readonly seed: number; readonly weight: number },
  even: boolean,
): number {
  const mixed = mix32(hash ^ seed);
  // -w / ln(u), u uniform in (0, 1); with equal weights the order is that of u.
  return even ? mixed : -weight / Math.log((mixed + 0.5) / 4_294_967_296);
}

function groupOf(
  members: readonly Candidate[],
  { seed, weight }: { readonly seed: number; readonly weight: number },
): Group {
  return { seed, weight, members, even: sameWeights(members) };
}

function sameWeights(items: readonly { readonly weight: number }[]): boolean {
  return items.every(({ weight }) => weight === items[0]?.weight);
}

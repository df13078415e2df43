import type { Candidate } from "../selection/candidate.ts";
import { scoreOf } from "../selection/fastest.ts";
import type { SelectionPolicy } from "../selection/policy.ts";
import { clusterWeightOf } from "../selection/selectors.ts";

/**
 * What share of its tier each endpoint gets from sequential requests, 0 to 1: exact for turns, what is to be expected
 * where chance or a hash decides. Load that is in flight moves `LeastRequest` and `Cost` away from it.
 */
export function sharesInTier(
  usable: readonly Candidate[],
  { policy, nowMs }: { readonly policy: SelectionPolicy; readonly nowMs: number },
): Map<Candidate, number> {
  if (policy.spread === "Cost") return byWeight(cheapest(usable));
  const inside = (members: readonly Candidate[]): Map<Candidate, number> =>
    policy.hash === undefined && (policy.spread === "Latency" || policy.algorithm === "PeakEwma")
      ? ofTwo(members, nowMs)
      : byWeight(members);
  const weightOf = clusterWeightOf(policy);
  if (weightOf === undefined) return inside(usable);
  const groups = [...Map.groupBy(usable, ({ endpoint }) => endpoint.siteId).values()];
  const weights = groups.map((members) => weightOf(members[0] as Candidate));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = new Map<Candidate, number>();
  for (const [index, members] of groups.entries()) {
    for (const [member, share] of inside(members))
      shares.set(member, (share * (weights[index] as number)) / total);
  }
  return shares;
}

function cheapest(members: readonly Candidate[]): Candidate[] {
  const least = Math.min(...members.map(({ cost }) => cost));
  return members.filter(({ cost }) => cost === least);
}

function byWeight(members: readonly Candidate[]): Map<Candidate, number> {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(members.map((member) => [member, member.weight / total]));
}

/** Two are drawn, the one with the lower score is taken: one of rank r (0 first) of n wins against n - 1 - r of them. */
function ofTwo(members: readonly Candidate[], nowMs: number): Map<Candidate, number> {
  const count = members.length;
  if (count === 1) return byWeight(members);
  const scored = members.map((member) => ({ member, score: scoreOf(member, nowMs) }));
  return new Map(
    scored.map(({ member, score }) => {
      let wins = 0;
      for (const other of scored) {
        if (other.member === member) continue;
        if (score < other.score) wins += 1;
        else if (score === other.score) wins += 0.5;
      }
      return [member, (wins * 2) / (count * (count - 1))];
    }),
  );
}

import type { Candidate, Exclusion } from "./candidate.ts";
import type { SelectionPolicy } from "./policy.ts";
import type { Tier } from "./tier.ts";

export interface UseOptions {
  readonly tiers: readonly Tier[];
  readonly policy: SelectionPolicy;
  readonly nowMs: number;
  /** A better tier is held back until someone says otherwise: it is not tried either. */
  readonly waiting: boolean;
}

/**
 * Sorts members into their tiers and says of each whether it may be used, and why not. Sets `usable` of each tier.
 *
 * Endpoints that are aside after failures are left out, the longest aside first, but no more than `maxEjectedPercent` of a
 * tier; the others stay in use. When all of a tier fail, the cap would hold traffic where nothing works: then all are
 * left out as long as another tier has an endpoint that works.
 *
 * Returns those that wait for a request that decides. Where requests must not be moved (hash), and in a tier that is not
 * in use, an endpoint is simply back after its time, and one more failure puts it aside again.
 */
export function useOf(members: Iterable<Candidate>, options: UseOptions): Candidate[] {
  const { tiers, policy, nowMs } = options;
  const range = inRange(options);
  for (const tier of tiers) {
    tier.known = 0;
    tier.able = [];
  }
  for (const member of members) {
    const { health } = member;
    if (!policy.outlier.enabled && health.state !== "in") health.pardon();
    if (health.untilMs <= nowMs) health.release(true);
    member.why = unableBecause(member);
    const tier = tiers[member.tier];
    if (tier === undefined) continue;
    if (member.why !== "weight 0") tier.known++;
    if (member.why === undefined) tier.able.push(member);
    const mayTry = policy.hash === undefined && range(tier.index);
    if (health.state === "due" && !mayTry) health.release(false);
  }
  const works = tiers.map(({ able }) => able.some(({ health }) => health.state === "in"));
  const trials: Candidate[] = [];
  for (const tier of tiers) {
    const { able } = tier;
    const failing = able.filter(({ health }) => health.state !== "in");
    const cap = Math.floor((able.length * policy.outlier.maxEjectedPercent) / 100);
    const lost = works[tier.index] === false && works.includes(true);
    const out =
      failing.length <= cap || lost
        ? failing
        : failing.toSorted((a, b) => a.health.asideMs - b.health.asideMs).slice(0, cap);
    for (const member of out) {
      member.why = "ejected";
      if (member.health.state === "due") trials.push(member);
    }
    if (out.length < failing.length) {
      // In use in spite of it: there is nothing to try.
      for (const { health, why } of failing)
        if (why === undefined && health.state !== "aside") health.release(false);
    }
    tier.use(out.length === 0 ? able : able.filter(({ why }) => why === undefined));
  }
  return trials;
}

function unableBecause(member: Candidate): Exclusion | undefined {
  const { endpoint, tier, weight, clusterWeight, reachable } = member;
  if (tier < 0) return "not a target";
  if (weight <= 0 || clusterWeight <= 0) return "weight 0";
  if (!endpoint.facts.ready) return endpoint.facts.reason === "terminating" ? "draining" : "not ready";
  return reachable ? undefined : "unreachable";
}

/** Whether a tier would be used if its endpoints worked: it is better than the worst that is, or is that one. */
function inRange({ tiers, waiting }: UseOptions): (tier: number) => boolean {
  const first = tiers.findIndex(({ weight }) => weight > 0);
  const last = tiers.findLastIndex(({ weight }) => weight > 0);
  if (last < 0) return () => true;
  return (tier) => tier <= last && (!waiting || tier >= first);
}

import type { PolicyConfig } from "../config.ts";
import type { Endpoint } from "../endpoint.ts";
import { ByCluster } from "./by-cluster.ts";
import { Candidate, NONE_TRIED, type Selector, type Tried } from "./candidate.ts";
import { LeastLoaded } from "./least-loaded.ts";
import { RoundRobin } from "./round-robin.ts";

/** What decides who is next. */
export interface SelectionPolicy {
  readonly spread: NonNullable<PolicyConfig["spread"]>;
  readonly algorithm: NonNullable<PolicyConfig["algorithm"]>;
  readonly spillAt: number | undefined;
}

export const DEFAULT_SELECTION: SelectionPolicy = {
  spread: "Endpoints",
  algorithm: "RoundRobin",
  spillAt: undefined,
};

export interface Offer {
  readonly endpoint: Endpoint;
  /** Cost of the cheapest path; undefined when its site cannot be reached now. */
  readonly cost: number | undefined;
}

/** Why an endpoint has no share at the moment. */
export type Exclusion = "not ready" | "unreachable" | "weight 0" | "ejected";

/**
 * Chooses the endpoint of the next connection for one service and port. Fed with everything that is known; leaves out
 * what is not ready, not reachable, has weight 0, or was put aside after failures (never more than half of the rest).
 */
export class Balancer {
  readonly #candidates = new Map<Endpoint, Candidate>();
  #policy: SelectionPolicy;
  #selector: Selector;
  #order: readonly Candidate[] = [];
  #excluded: { readonly endpoint: Endpoint; readonly why: Exclusion }[] = [];

  constructor(policy: SelectionPolicy = DEFAULT_SELECTION) {
    this.#policy = policy;
    this.#selector = selectorOf(policy);
  }

  get policy(): SelectionPolicy {
    return this.#policy;
  }

  /** Those with a share, in order of configuration. */
  get candidates(): readonly Candidate[] {
    return this.#order;
  }

  get excluded(): readonly { readonly endpoint: Endpoint; readonly why: Exclusion }[] {
    return this.#excluded;
  }

  update(
    offers: Iterable<Offer>,
    { nowMs, policy }: { readonly nowMs: number; readonly policy: SelectionPolicy },
  ): void {
    const { usable, excluded } = sort(offers, nowMs);
    const kept = new Set<Endpoint>();
    const order: Candidate[] = [];
    for (const { endpoint, cost } of usable) {
      kept.add(endpoint);
      let candidate = this.#candidates.get(endpoint);
      if (candidate === undefined) {
        candidate = new Candidate(endpoint, cost ?? 0);
        this.#candidates.set(endpoint, candidate);
      }
      candidate.cost = cost ?? 0;
      candidate.weight = endpoint.facts.weight;
      order.push(candidate);
    }
    for (const { endpoint } of excluded) kept.add(endpoint);
    for (const endpoint of this.#candidates.keys())
      if (!kept.has(endpoint)) this.#candidates.delete(endpoint);
    this.#order = order;
    this.#excluded = excluded;
    if (!samePolicy(policy, this.#policy)) {
      this.#policy = policy;
      this.#selector = selectorOf(policy);
    }
    this.#selector.update(order);
  }

  pick(tried: Tried = NONE_TRIED): Endpoint | undefined {
    const endpoint = this.#selector.pick(tried)?.endpoint;
    if (endpoint !== undefined) endpoint.picked++;
    return endpoint;
  }
}

function sort(
  offers: Iterable<Offer>,
  nowMs: number,
): { usable: Offer[]; excluded: { endpoint: Endpoint; why: Exclusion }[] } {
  const usable: Offer[] = [];
  const ejected: Offer[] = [];
  const excluded: { endpoint: Endpoint; why: Exclusion }[] = [];
  for (const offer of offers) {
    const { endpoint, cost } = offer;
    if (!endpoint.facts.ready) excluded.push({ endpoint, why: "not ready" });
    else if (endpoint.facts.weight <= 0) excluded.push({ endpoint, why: "weight 0" });
    else if (cost === undefined) excluded.push({ endpoint, why: "unreachable" });
    else if (endpoint.ejected(nowMs)) ejected.push(offer);
    else usable.push(offer);
  }
  // When most have failed, the fault is likelier here or in between: sending to all is better than to none.
  if (ejected.length > (usable.length + ejected.length) / 2) usable.push(...ejected);
  else for (const { endpoint } of ejected) excluded.push({ endpoint, why: "ejected" });
  return { usable, excluded };
}

function samePolicy(a: SelectionPolicy, b: SelectionPolicy): boolean {
  return a.spread === b.spread && a.algorithm === b.algorithm && a.spillAt === b.spillAt;
}

function selectorOf({ spread, algorithm, spillAt }: SelectionPolicy): Selector {
  const inside = (): Selector =>
    algorithm === "LeastRequest" ? new LeastLoaded({ byCost: false }) : new RoundRobin();
  switch (spread) {
    case "Endpoints":
      return inside();
    case "Clusters":
      return new ByCluster(inside);
    case "Cost":
      return new LeastLoaded({ byCost: true, spillAt });
    default:
      return spread satisfies never;
  }
}

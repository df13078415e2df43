import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Endpoint } from "../endpoint.ts";
import { ByCluster } from "./by-cluster.ts";
import { Candidate, NONE_TRIED, type Selector, type Tried } from "./candidate.ts";
import { LeastLoaded } from "./least-loaded.ts";
import { selectionOf, type SelectionPolicy } from "./policy.ts";
import { RoundRobin } from "./round-robin.ts";

/** How one attempt at an endpoint went: `serverError` is a 5xx answer. */
export type Outcome = "ok" | "serverError" | "connectFailed" | "reset" | "timeout";

/** What is known of a request that may decide who gets it. */
export interface PickContext {
  /** `hash32` of what `needs` asks for. */
  readonly hash?: number;
  /** What the affinity cookie says. */
  readonly sticky?: string;
}

/** What `pick` wants to know of a request. */
export type Needs =
  | { readonly kind: "none" }
  | { readonly kind: "clientIp" }
  /** `name` is in lower case. */
  | { readonly kind: "header"; readonly name: string }
  /**
   * With `set` the cookie names the endpoint: its value goes into `sticky`, and an answer of another endpoint than it
   * names sets it to that endpoint's `wireId`, for `ttlSeconds` (0: for the session). Without, its value is hashed.
   */
  | { readonly kind: "cookie"; readonly name: string; readonly set: boolean; readonly ttlSeconds: number };

export interface BalancerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** An endpoint was put aside. */
  readonly onEjected?: () => void;
}

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
  readonly #options: BalancerOptions;
  #offers: readonly Offer[] = [];
  /** When something changes by itself, ms. */
  #dueMs = Number.POSITIVE_INFINITY;
  #needs: Needs = { kind: "none" };
  #policy: SelectionPolicy;
  #selector: Selector;
  #order: readonly Candidate[] = [];
  #excluded: { readonly endpoint: Endpoint; readonly why: Exclusion }[] = [];

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#policy = selectionOf({}, { http: false });
    this.#selector = selectorOf(this.#policy);
  }

  get needs(): Needs {
    return this.#needs;
  }

  get policy(): SelectionPolicy {
    return this.#policy;
  }

  /** Those with a share, in order of configuration. */
  get candidates(): readonly Candidate[] {
    this.#settle();
    return this.#order;
  }

  get excluded(): readonly { readonly endpoint: Endpoint; readonly why: Exclusion }[] {
    this.#settle();
    return this.#excluded;
  }

  /** Takes what is known now. */
  update(offers: readonly Offer[], policy: SelectionPolicy): void {
    this.#offers = offers;
    if (policy !== this.#policy) {
      this.#policy = policy;
      this.#selector = selectorOf(policy);
      this.#needs = needsOf(policy);
    }
    this.#sort();
  }

  /**
   * Who gets the next one; none of `tried`. The caller counts `endpoint.inFlight` up and down, and reports how it went.
   * Undefined when nothing is left.
   */
  pick(tried: Tried = NONE_TRIED, _context?: PickContext): Endpoint | undefined {
    this.#settle();
    const endpoint = this.#selector.pick(tried)?.endpoint;
    if (endpoint !== undefined) endpoint.picked++;
    return endpoint;
  }

  /** How an attempt went, once for each `pick`. `latencyMs` is from its beginning until its answer began, or it failed. */
  report(endpoint: Endpoint, outcome: Outcome, _latencyMs: number): void {
    if (outcome === "ok" || outcome === "serverError") {
      if (endpoint.failures > 0 && endpoint.succeeded(this.#options.clock.monotonicMs())) this.#sort();
      return;
    }
    const { clock, random, onEjected } = this.#options;
    if (endpoint.failed(clock.monotonicMs(), random.next()) === 0) return;
    onEjected?.();
    this.#sort();
  }

  #settle(): void {
    if (this.#options.clock.monotonicMs() >= this.#dueMs) this.#sort();
  }

  #sort(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { usable, excluded } = sort(this.#offers, nowMs);
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
    this.#dueMs = Math.min(
      Number.POSITIVE_INFINITY,
      ...excluded.filter(({ why }) => why === "ejected").map(({ endpoint }) => endpoint.ejectedUntilMs),
    );
    this.#selector.update(order);
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

function needsOf({ hash, cookie }: SelectionPolicy): Needs {
  if (cookie !== undefined) return { kind: "cookie", set: true, ...cookie };
  switch (hash?.source) {
    case undefined:
      return { kind: "none" };
    case "ClientIP":
      return { kind: "clientIp" };
    case "Header":
      return { kind: "header", name: hash.name };
    case "Cookie":
      return { kind: "cookie", name: hash.name, set: false, ttlSeconds: 0 };
    default:
      return hash satisfies never;
  }
}

function selectorOf({ spread, algorithm, spillAt }: SelectionPolicy): Selector {
  const inside = (): Selector =>
    algorithm === "LeastRequest" ? new LeastLoaded({ byCost: false }) : new RoundRobin();
  switch (spread) {
    case "Clusters":
    case "Weighted":
      return new ByCluster(inside);
    case "Cost":
      return new LeastLoaded({ byCost: true, spillAt });
    default:
      return inside();
  }
}

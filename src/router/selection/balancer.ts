import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Endpoint } from "../endpoint.ts";
import { Candidate, NONE_TRIED, type Exclusion, type Tried } from "./candidate.ts";
import { FairTurns } from "./fair-turns.ts";
import { mix32 } from "./hash.ts";
import { selectionOf, type SelectionPolicy } from "./policy.ts";
import { Tier } from "./tier.ts";
import { TierShares } from "./tier-shares.ts";
import { planTiers, type TierPlan } from "./tiers.ts";
import { useOf } from "./use.ts";

export interface Offer {
  readonly endpoint: Endpoint;
  /** Cost of the cheapest path; undefined when its site cannot be reached now. */
  readonly cost: number | undefined;
  /** Name of its site. */
  readonly cluster: string;
  /** Its site is this one. */
  readonly local: boolean;
}

/** How one attempt at an endpoint went: `serverError` is a 5xx answer. */
export type Outcome = "ok" | "serverError" | "connectFailed" | "reset" | "timeout";

/** What is known of a request that may decide who gets it. */
export interface PickContext {
  /** `hash32` of what `needs` asks for. */
  readonly hash?: number;
  /** `wireId` of the endpoint that the affinity cookie names. */
  readonly sticky?: string;
}

/** What `pick` wants to know of a request. */
export type Needs =
  | { readonly kind: "none" }
  | { readonly kind: "clientIp" }
  /** `name` is in lower case. */
  | { readonly kind: "header"; readonly name: string }
  /**
   * With `set` the cookie names an endpoint, which goes into `sticky`; an answer of another one sets it anew, for
   * `ttlSeconds` (0: for the session). Without, its value is hashed.
   */
  | { readonly kind: "cookie"; readonly name: string; readonly set: boolean; readonly ttlSeconds: number };

/** What a balancer knows, right after it was found. */
export interface Sorted {
  /** Best first; another array when there are other tiers. */
  readonly tiers: readonly Tier[];
  readonly members: ReadonlyMap<Endpoint, Candidate>;
}

export interface BalancerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** An endpoint was put aside. */
  readonly onEjected?: () => void;
  /** Who may be used was found anew. To be quick about it, and to touch nothing. */
  readonly onSorted?: (sorted: Sorted) => void;
  /** Who gets what changed by itself: after failures, a trial, or on a ramp. */
  readonly onShift?: () => void;
}

/** While shares move, they are set anew so many times on the whole way. */
const RAMP_STEPS = 200;
const RAMP_STEP_MIN_MS = 5;
/** A trial that nothing is heard of for two connect timeouts is followed by another. */
const TRIAL_PATIENCE = 4;
const NO_NEEDS: Needs = { kind: "none" };
/** So that a request's tier does not depend on the same bits as its endpoint. */
const TIER_SALT = 0x7f4a7c15;

/** How a choice was made: only turns are counted as turns. */
type Way = "turn" | "hash" | "cookie" | "trial";

/**
 * Chooses the endpoint of the next request or connection for one service and port, and learns from how it went.
 *
 * Endpoints are sorted into tiers, as the policy's mode says; `TierShares` says how much of the traffic each tier gets, and
 * fair turns give exactly that; inside a tier the spread and the algorithm choose. Nothing here has a timer: what changes by
 * itself (an ejection that is over, a ramp) is brought up to date by the next `pick`, or by who looks.
 *
 * A pick is O(endpoints) without allocation; everything else is O(endpoints) too.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #members = new Map<Endpoint, Candidate>();
  readonly #turns = new FairTurns<Tier>();
  #policy: SelectionPolicy;
  #needs: Needs = NO_NEEDS;
  #plan: TierPlan;
  #tiers: readonly Tier[];
  #shares: TierShares;
  /** Set when one tier gets everything. */
  #only: Tier | undefined;
  #candidates: readonly Candidate[] = [];
  /** Those whose time aside is over, and that wait for the request that decides. */
  #trials: Candidate[] = [];
  /** When something changes by itself, ms. */
  #dueMs = Number.POSITIVE_INFINITY;
  #way: Way = "turn";
  #tier = 0;

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#policy = selectionOf({}, { http: false, self: { siteId: "", name: "" } });
    this.#plan = planTiers(this.#policy);
    this.#shares = sharesOf(this.#plan, this.#policy);
    this.#tiers = this.#newTiers();
  }

  get policy(): SelectionPolicy {
    return this.#policy;
  }

  get needs(): Needs {
    return this.#needs;
  }

  /** Those with a share, in order of configuration. */
  get candidates(): readonly Candidate[] {
    this.#settle();
    return this.#candidates;
  }

  /** Those without. */
  get excluded(): readonly { readonly endpoint: Endpoint; readonly why: Exclusion }[] {
    this.#settle();
    const excluded: { endpoint: Endpoint; why: Exclusion }[] = [];
    for (const { endpoint, why } of this.#members.values())
      if (why !== undefined) excluded.push({ endpoint, why });
    return excluded;
  }

  /** All endpoints that are known, in order of configuration. */
  get members(): Iterable<Candidate> {
    this.#settle();
    return this.#members.values();
  }

  get tiers(): readonly Tier[] {
    this.#settle();
    return this.#tiers;
  }

  get plan(): TierPlan {
    return this.#plan;
  }

  /** What becomes of the tiers' shares: they move by themselves, wait for `resume`, or stay. */
  get tendency(): "moving" | "waiting" | "steady" {
    this.#settle();
    if (this.#shares.moving) return "moving";
    return this.#shares.waiting ? "waiting" : "steady";
  }

  /** How the last `pick` or `peek` chose. */
  get way(): Way {
    return this.#way;
  }

  /** Tier of the last `pick`; 0 is the best. */
  get tier(): number {
    return this.#tier;
  }

  /** Takes what is known now. What is learnt of endpoints stays, whatever changes. */
  update(offers: readonly Offer[], policy: SelectionPolicy): void {
    this.#adopt(policy);
    const former = new Map(this.#members);
    this.#members.clear();
    for (const { endpoint, cost, cluster, local } of offers) {
      const member = former.get(endpoint) ?? new Candidate(endpoint, cost ?? 0);
      const answers = endpoint.facts.ready && cost !== undefined;
      // It failed for a reason that is gone.
      if (answers && !member.answers) member.health.pardon();
      member.answers = answers;
      member.cost = cost ?? 0;
      member.reachable = cost !== undefined;
      member.cluster = cluster;
      member.local = local;
      const where = { siteId: endpoint.siteId, name: cluster, local };
      member.tier = this.#plan.tierOf(where);
      member.clusterWeight = this.#plan.weightOf(where);
      member.weight = endpoint.facts.weight;
      this.#members.set(endpoint, member);
    }
    this.#sort();
  }

  /**
   * Who gets the next one; none of `tried`. The caller counts `endpoint.inFlight` up and down, and reports how it went.
   * Undefined when nothing is left.
   */
  pick(tried: Tried = NONE_TRIED, context?: PickContext): Endpoint | undefined {
    this.#settle();
    const chosen = this.#choose(tried, context);
    if (chosen === undefined) return undefined;
    if (this.#way === "turn") this.#take(chosen);
    else if (this.#way === "trial") this.#try(chosen);
    chosen.endpoint.picked++;
    this.#tier = chosen.tier;
    return chosen.endpoint;
  }

  /** Who would be picked; counts nothing. Where chance decides, the next pick may be another. */
  peek(context?: PickContext): Endpoint | undefined {
    this.#settle();
    return this.#choose(NONE_TRIED, context)?.endpoint;
  }

  /** How an attempt went, once for each `pick`. `latencyMs` is from its beginning until its answer began, or it failed. */
  report(endpoint: Endpoint, outcome: Outcome, latencyMs: number): void {
    const member = this.#members.get(endpoint);
    if (member === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    const { outlier } = this.#policy;
    if (outcome === "ok") member.latency.sample(latencyMs, nowMs);
    else if (outcome !== "connectFailed") member.latency.atLeast(latencyMs, nowMs);
    const { health } = member;
    if (outcome === "ok" || (outcome === "serverError" && !outlier.serverErrors)) {
      if (!health.clean && health.succeeded(nowMs, latencyMs)) this.#shift();
    } else if (outlier.enabled) this.#failed(member, { outcome, latencyMs, nowMs });
  }

  #failed(
    member: Candidate,
    { outcome, latencyMs, nowMs }: { outcome: Outcome; latencyMs: number; nowMs: number },
  ): void {
    const { outlier, lostConnectMs } = this.#policy;
    // A lost connect is a whole timeout for a client, and two in a row are no lost packets.
    const lost = outcome === "connectFailed" && latencyMs >= lostConnectMs;
    const count = lost ? Math.ceil(outlier.consecutiveFailures / 2) : 1;
    const chance = this.#options.random.next();
    if (!member.health.failed(count, { nowMs, latencyMs, policy: outlier, chance })) return;
    this.#shift();
    if (member.why === "ejected") this.#options.onEjected?.();
  }

  #choose(tried: Tried, context: PickContext | undefined): Candidate | undefined {
    if (context?.sticky !== undefined && this.#needs.kind === "cookie") {
      const named = this.#named(context.sticky, tried);
      if (named !== undefined) {
        this.#way = "cookie";
        return named;
      }
    }
    if (this.#trials.length > 0 && tried.length === 0) {
      this.#way = "trial";
      return this.#trials[0];
    }
    const hash = this.#policy.hash === undefined ? undefined : context?.hash;
    this.#way = hash === undefined ? "turn" : "hash";
    const tier =
      this.#only ??
      (hash === undefined
        ? this.#turns.choose(tried.length === 0 ? undefined : (one) => one.hasMore(tried))
        : this.#tierAt(mix32(hash ^ TIER_SALT) / 4_294_967_296));
    const chosen =
      tier === undefined || hash === undefined ? tier?.choose(tried) : tier.chooseByHash(hash, tried);
    if (chosen !== undefined || tried.length === 0) return chosen;
    return this.#elsewhere(tried, hash);
  }

  /** Everything that has a share was tried: what has none is better than nothing, the best tier first. */
  #elsewhere(tried: Tried, hash: number | undefined): Candidate | undefined {
    for (const tier of this.#tiers) {
      const chosen = hash === undefined ? tier.choose(tried) : tier.chooseByHash(hash, tried);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  #tierAt(position: number): Tier | undefined {
    let left = position;
    let last: Tier | undefined;
    for (const tier of this.#turns.items) {
      last = tier;
      left -= tier.weight;
      if (left < 0) return tier;
    }
    return last;
  }

  #named(wireId: string, tried: Tried): Candidate | undefined {
    for (const one of this.#candidates)
      if (one.endpoint.wireId === wireId) return tried.includes(one.endpoint) ? undefined : one;
    return undefined;
  }

  #take(chosen: Candidate): void {
    const tier = this.#tiers[chosen.tier] as Tier;
    if (this.#only === undefined && tier.weight > 0) this.#turns.take(tier);
    tier.take(chosen);
  }

  #try(chosen: Candidate): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#trials.shift();
    chosen.health.tried(nowMs, TRIAL_PATIENCE * this.#policy.lostConnectMs);
    this.#dueMs = Math.min(this.#dueMs, chosen.health.untilMs);
  }

  /** Brings up to date what changes by itself. */
  #settle(): void {
    if (this.#dueMs !== Number.POSITIVE_INFINITY && this.#options.clock.monotonicMs() >= this.#dueMs)
      this.#shift();
  }

  #shift(): void {
    this.#sort();
    this.#options.onShift?.();
  }

  #adopt(policy: SelectionPolicy): void {
    const former = this.#policy;
    if (policy === former) return;
    this.#policy = policy;
    this.#needs = needsOf(policy);
    this.#plan = planTiers(policy);
    const structure = structureOf(policy);
    const { rampMs, failback } = policy;
    const nowMs = this.#options.clock.monotonicMs();
    if (structureOf(former) === structure)
      this.#shares.tune({ rampMs, manual: failback === "Manual", nowMs });
    else this.#shares = sharesOf(this.#plan, policy);
    if (policy.resume > former.resume) this.#shares.resume(nowMs);
    if (structureOf(former) + choiceOf(former) === structure + choiceOf(policy)) return;
    this.#tiers = this.#newTiers();
    for (const member of this.#members.values()) member.forgetTurns();
    this.#turns.update([]);
  }

  #newTiers(): Tier[] {
    const policy = this.#policy;
    return Array.from(
      { length: this.#plan.count },
      (_, index) => new Tier(index, { policy, chances: this.#options }),
    );
  }

  #sort(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const tiers = this.#tiers;
    this.#trials = useOf(this.#members.values(), {
      tiers,
      policy: this.#policy,
      nowMs,
      waiting: this.#shares.waiting,
    });
    const { minHealthyPercent } = this.#policy;
    this.#shares.update({
      nowMs,
      capacities: tiers.map(({ usable, known }) => {
        if (minHealthyPercent <= 1) return usable.length > 0 ? 1 : 0;
        return known === 0 ? 0 : Math.min(1, (usable.length * 100) / known / minHealthyPercent);
      }),
    });
    for (const [index, share] of this.#shares.at(nowMs).entries()) (tiers[index] as Tier).weight = share;
    const used = tiers.filter(({ weight }) => weight > 0);
    this.#turns.update(used);
    this.#only = used.length === 1 ? used[0] : undefined;
    const candidates: Candidate[] = [];
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      if (member.why === undefined) {
        if (tiers[member.tier]?.weight === 0) member.why = "tier not in use";
        else candidates.push(member);
      }
      this.#dueMs = Math.min(this.#dueMs, member.health.untilMs);
    }
    this.#candidates = candidates;
    if (this.#shares.moving)
      this.#dueMs = Math.min(
        this.#dueMs,
        nowMs + Math.max(RAMP_STEP_MIN_MS, this.#policy.rampMs / RAMP_STEPS),
      );
    this.#options.onSorted?.({ tiers, members: this.#members });
  }
}

function sharesOf({ count: tiers }: TierPlan, { rampMs, failback }: SelectionPolicy): TierShares {
  return new TierShares({ tiers, rampMs, manual: failback === "Manual" });
}

/** Another one is another set of tiers. */
function structureOf({ mode, targets }: SelectionPolicy): string {
  return JSON.stringify([mode, targets?.map(({ cluster, priority }) => [cluster, priority])]);
}

/** Another one chooses by other rules inside a tier. */
function choiceOf({ spread, algorithm, hash, spillAt }: SelectionPolicy): string {
  return JSON.stringify([spread, algorithm, hash === undefined, spillAt]);
}

function needsOf({ hash, cookie }: SelectionPolicy): Needs {
  if (cookie !== undefined) return { kind: "cookie", set: true, ...cookie };
  switch (hash?.source) {
    case undefined:
      return NO_NEEDS;
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

import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { PolicyConfig } from "../config.ts";
import { Endpoint, type EndpointFacts } from "../endpoint.ts";
import { Balancer, type Offer, type Outcome, type PickContext } from "../selection/balancer.ts";
import { selectionOf } from "../selection/policy.ts";

export type Policy = Omit<PolicyConfig, "service">;

/** The cluster that tests stand in: endpoints `me/...` are local. */
const SELF = { siteId: "me", name: "home" };

export function endpoint(wireId: string, over: Partial<EndpointFacts> = {}): Endpoint {
  const [site = "", id = ""] = wireId.split("/");
  const ports = new Map([[80, 80]]);
  return new Endpoint(site, id, { name: id, ready: true, weight: 1, ports, host: undefined, ...over });
}

export function offer(one: Endpoint, cost: number | undefined = 0): Offer {
  const local = one.siteId === SELF.siteId;
  return { endpoint: one, cost, cluster: local ? SELF.name : one.siteId, local };
}

/** Endpoints by wire id with the cost of their paths. */
export function offers(
  costs: Readonly<Record<string, number | undefined>>,
  over: Partial<EndpointFacts> = {},
): Offer[] {
  return Object.entries(costs).map(([wireId, cost]) => ({ ...offer(endpoint(wireId, over)), cost }));
}

export interface Share {
  readonly count: number;
  /** How many are open at once beside the new one. */
  readonly open?: number;
  readonly context?: (n: number) => PickContext;
}

/** A balancer with a clock that stands still, and what it was told. */
export class Bench {
  readonly clock = new FakeClock();
  readonly balancer: Balancer;
  ejections = 0;
  #offers: readonly Offer[];
  #policy: Policy;
  readonly #http: boolean;

  constructor(list: readonly Offer[], policy: Policy = {}, { http = false, seed = 1 } = {}) {
    this.#http = http;
    this.#offers = list;
    this.#policy = policy;
    this.balancer = new Balancer({
      clock: this.clock,
      random: seededRandom(seed),
      onEjected: () => this.ejections++,
    });
    this.set({});
  }

  /** Other endpoints, or another policy. */
  set({ list = this.#offers, policy = this.#policy }: { list?: readonly Offer[]; policy?: Policy }): void {
    this.#offers = list;
    this.#policy = policy;
    this.balancer.update(list, selectionOf(policy, { http: this.#http, self: SELF }));
  }

  /** Endpoints as they are, with some made ready or not. */
  ready(wireIds: readonly string[], ready: boolean): void {
    for (const { endpoint: one } of this.#offers)
      if (wireIds.includes(one.wireId)) one.facts = { ...one.facts, ready };
    this.set({});
  }

  endpoint(wireId: string): Endpoint {
    const found = this.#offers.find((one) => one.endpoint.wireId === wireId);
    if (found === undefined) throw new Error(`No endpoint ${wireId}`);
    return found.endpoint;
  }

  report(wireId: string, outcome: Outcome, { times = 1, latencyMs = 1 } = {}): void {
    for (let n = 0; n < times; n++) this.balancer.report(this.endpoint(wireId), outcome, latencyMs);
  }

  /** Picks `count` times, holding each for the next `open` picks; counts by wire id. */
  shares({ count, open = 0, context }: Share): Record<string, number> {
    const result: Record<string, number> = {};
    const held: Endpoint[] = [];
    for (let n = 0; n < count; n++) {
      const chosen = this.balancer.pick([], context?.(n));
      if (chosen === undefined) continue;
      result[chosen.wireId] = (result[chosen.wireId] ?? 0) + 1;
      chosen.inFlight++;
      held.push(chosen);
      while (held.length > open) (held.shift() as Endpoint).inFlight--;
    }
    for (const one of held) one.inFlight--;
    return result;
  }

  /** The same, by site. */
  siteShares(options: Share): Record<string, number> {
    const result: Record<string, number> = {};
    for (const [wireId, count] of Object.entries(this.shares(options))) {
      const site = wireId.slice(0, wireId.indexOf("/"));
      result[site] = (result[site] ?? 0) + count;
    }
    return result;
  }

  why(): Record<string, string> {
    return Object.fromEntries(this.balancer.excluded.map(({ endpoint: one, why }) => [one.wireId, why]));
  }
}

/** Pearson's statistic: how far counts are from what is expected. */
export function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, index) => {
    const want = expected[index] ?? 0;
    return sum + (count - want) ** 2 / want;
  }, 0);
}

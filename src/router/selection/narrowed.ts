import type { Only } from "../config.ts";
import { Balancer, type BalancerOptions, type Offer } from "./balancer.ts";
import type { SelectionPolicy } from "./policy.ts";

interface Narrowed {
  readonly only: Only;
  readonly port: number;
  readonly balancer: Balancer;
  readonly http: boolean;
}

/** What all of them choose from, sorted once for each change. */
class Choice {
  readonly #offers: readonly Offer[];
  readonly #options: UpdateOptions;
  readonly #policies = new Map<boolean, SelectionPolicy>();
  #bySite: Map<string, Offer[]> | undefined;
  #byEndpoint: Map<string, Offer[]> | undefined;

  constructor(offers: readonly Offer[], options: UpdateOptions) {
    this.#offers = offers;
    this.#options = options;
  }

  of({ site, endpoint = "" }: Only): readonly Offer[] {
    const { isSite } = this.#options;
    if (site !== undefined) {
      this.#bySite ??= index(this.#offers, (one) => one);
      return this.#bySite.get(isSite(site) ? idKey(site) : nameKey(site)) ?? [];
    }
    this.#byEndpoint ??= index(this.#offers, (one, { id }) => `${one}/${id}`);
    const slash = endpoint.indexOf("/");
    const isId = isSite(endpoint.slice(0, slash));
    return this.#byEndpoint.get(isId ? idKey(endpoint) : nameKey(endpoint)) ?? [];
  }

  policy(http: boolean): SelectionPolicy {
    const policy = this.#policies.get(http) ?? unguided(this.#options.policyOf(http));
    this.#policies.set(http, policy);
    return policy;
  }
}

interface UpdateOptions {
  readonly policyOf: (http: boolean) => SelectionPolicy;
  /** Whether a site has that id: then it is no name. */
  readonly isSite: (id: string) => boolean;
}

/**
 * Balancers of one service for listeners that are narrowed to one site, or to one endpoint. They know these endpoints and no
 * others, so that a retry cannot go elsewhere either. Who asks for a site has chosen: of the policy its mode and targets play no
 * part, the rest does. What is learnt of endpoints is learnt by each balancer for itself.
 */
export class NarrowedBalancers {
  readonly #options: (port: number) => BalancerOptions;
  readonly #all = new Map<string, Narrowed>();
  #choice: Choice | undefined;

  /** `options` says them for a port of the service. */
  constructor(options: (port: number) => BalancerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** `isStale`: it wants an `update` before its first pick; only the first of a service does. */
  get(
    only: Only,
    { port, http }: { readonly port: number; readonly http: boolean },
  ): { readonly balancer: Balancer; readonly isStale: boolean } {
    const key = keyOf(only, port);
    let found = this.#all.get(key);
    if (found === undefined || found.http !== http) {
      found = { only, port, http, balancer: found?.balancer ?? new Balancer(this.#options(port)) };
      this.#all.set(key, found);
      if (this.#choice !== undefined) bring(found, this.#choice);
    }
    return { balancer: found.balancer, isStale: this.#choice === undefined };
  }

  release(only: Only, port: number): void {
    this.#all.delete(keyOf(only, port));
    if (this.#all.size === 0) this.#choice = undefined;
  }

  /** O(endpoints) once, and the endpoints of each. */
  update(offers: readonly Offer[], options: UpdateOptions): void {
    if (this.#all.size === 0) return;
    this.#choice = new Choice(offers, options);
    for (const one of this.#all.values()) bring(one, this.#choice);
  }
}

/** Up to date. */
function bring({ only, port, balancer, http }: Narrowed, choice: Choice): void {
  balancer.update(
    choice.of(only).filter(({ endpoint }) => endpoint.facts.ports.has(port)),
    choice.policy(http),
  );
}

export function onlyText({ site, endpoint }: Only): string {
  return site === undefined ? `endpoint ${endpoint ?? ""}` : `site ${site}`;
}

function keyOf(only: Only, port: number): string {
  return `${port} ${onlyText(only)}`;
}

/** One tier of all that it knows. Shares between clusters mean nothing there. */
function unguided(policy: SelectionPolicy): SelectionPolicy {
  const { spread } = policy;
  return {
    ...policy,
    mode: "ActiveActive",
    targets: undefined,
    spread: spread === "Latency" ? "Latency" : "Endpoints",
  };
}

function index(
  offers: readonly Offer[],
  keyOfOffer: (site: string, endpoint: Offer["endpoint"]) => string,
): Map<string, Offer[]> {
  const map = new Map<string, Offer[]>();
  for (const offer of offers) {
    const { endpoint, cluster } = offer;
    for (const key of [
      idKey(keyOfOffer(endpoint.siteId, endpoint)),
      nameKey(keyOfOffer(cluster, endpoint)),
    ]) {
      const list = map.get(key);
      if (list === undefined) map.set(key, [offer]);
      else list.push(offer);
    }
  }
  return map;
}

function idKey(text: string): string {
  return `id ${text}`;
}

function nameKey(text: string): string {
  return `name ${text}`;
}

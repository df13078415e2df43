import type { Only } from "../config.ts";
import { Balancer, type BalancerOptions, type Offer } from "./balancer.ts";
import type { SelectionPolicy } from "./policy.ts";

interface Narrowed {
  readonly only: Only;
  readonly port: number;
  readonly balancer: Balancer;
  http: boolean;
}

/**
 * Balancers of one service for listeners that are narrowed to one site, or to one endpoint. They know these endpoints and no
 * others, so that a retry cannot go elsewhere either. Who asks for a site has chosen: of the policy its mode and targets play no
 * part, the rest does. What is learnt of endpoints is learnt by each balancer for itself.
 */
export class NarrowedBalancers {
  readonly #optionsFor: (port: number) => BalancerOptions;
  readonly #all = new Map<string, Narrowed>();

  constructor(optionsFor: (port: number) => BalancerOptions) {
    this.#optionsFor = optionsFor;
  }

  get size(): number {
    return this.#all.size;
  }

  /** `isStale`: it wants an `update` before its first pick. */
  get(
    only: Only,
    { port, http }: { readonly port: number; readonly http: boolean },
  ): { readonly balancer: Balancer; readonly isStale: boolean } {
    const key = keyOf(only, port);
    const known = this.#all.get(key);
    if (known !== undefined) {
      const isStale = known.http !== http;
      known.http = http;
      return { balancer: known.balancer, isStale };
    }
    const balancer = new Balancer(this.#optionsFor(port));
    this.#all.set(key, { only, port, balancer, http });
    return { balancer, isStale: true };
  }

  release(only: Only, port: number): void {
    this.#all.delete(keyOf(only, port));
  }

  /** `isSite` says whether a site has that id: then it is no name. O(endpoints), and again for each site asked for. */
  update(
    offers: readonly Offer[],
    options: {
      readonly policyOf: (http: boolean) => SelectionPolicy;
      readonly isSite: (id: string) => boolean;
    },
  ): void {
    if (this.#all.size === 0) return;
    const { policyOf, isSite } = options;
    const policies = new Map<boolean, SelectionPolicy>();
    let bySite: Map<string, Offer[]> | undefined;
    let byEndpoint: Map<string, Offer[]> | undefined;
    for (const { only, port, balancer, http } of this.#all.values()) {
      const { site, endpoint = "" } = only;
      let chosen: readonly Offer[] | undefined;
      if (site !== undefined) {
        bySite ??= index(offers, (one) => one);
        chosen = bySite.get(isSite(site) ? idKey(site) : nameKey(site));
      } else {
        byEndpoint ??= index(offers, (one, { id }) => `${one}/${id}`);
        const slash = endpoint.indexOf("/");
        chosen = byEndpoint.get(isSite(endpoint.slice(0, slash)) ? idKey(endpoint) : nameKey(endpoint));
      }
      const policy = policies.get(http) ?? unguided(policyOf(http));
      policies.set(http, policy);
      balancer.update(
        (chosen ?? []).filter((offer) => offer.endpoint.facts.ports.has(port)),
        policy,
      );
    }
  }
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

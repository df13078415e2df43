import type { ServiceConfig } from "#router/config.ts";
import type { LinkState, PolicyState, RouterState, SiteState } from "#router/state.ts";

export type { LinkState, PolicyState, SiteState };

/** What the routers of this site see together. */
export interface NetworkView {
  readonly sites: readonly SiteState[];
  readonly links: readonly LinkState[];
  /** How new work is divided, for each service and port that clients here use. */
  readonly policies: readonly PolicyState[];
}

/**
 * One view out of those of several router replicas, given oldest news first. A site is reachable when one of them reaches it,
 * and then its services are what that one says; later news win. Undefined without any: nothing is known, which is no
 * news that something went away.
 */
export function mergeStates(states: readonly RouterState[]): NetworkView | undefined {
  if (states.length === 0) return undefined;
  const sites = new Map<string, SiteState>();
  const links = new Map<string, LinkState>();
  const policies = new Map<string, PolicyState>();
  for (const state of states) {
    for (const site of state.sites) {
      const known = sites.get(site.id);
      if (known === undefined || site.reachable || !known.reachable) sites.set(site.id, site);
    }
    for (const policy of state.policies ?? []) policies.set(`${policy.service}:${policy.port}`, policy);
    for (const link of state.links) {
      const key = `${link.direction}\n${link.name}\n${link.remoteSiteId}`;
      const known = links.get(key);
      if (known === undefined || RANK[link.state] >= RANK[known.state]) links.set(key, link);
    }
  }
  return {
    sites: [...sites.values()].toSorted(byId),
    links: [...links.values()],
    policies: [...policies.values()],
  };
}

const RANK = { down: 0, connecting: 1, up: 2 } as const;

function byId(a: SiteState, b: SiteState): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export interface Self {
  /** The site's id, and what it was called before it had one. */
  readonly ids: readonly [string, string];
  readonly name: string;
  readonly namespace: string;
  readonly exports: readonly ServiceConfig[];
}

/**
 * The sites as the routers see them, but the own one as it is known here: a router that just started knows nothing of it yet. Undefined
 * when no router has spoken.
 */
export function withSelf(view: NetworkView | undefined, self: Self): SiteState[] | undefined {
  if (view === undefined) return undefined;
  const { ids, name, namespace, exports } = self;
  const services = exports.map(({ service, ports, terms, endpoints }) => ({
    service,
    ports: ports.map((port) => ({ ...port, protocol: "TCP" as const })),
    ...(terms === undefined ? {} : { terms }),
    endpoints: endpoints.map(({ id, name: of, hostname, ready, weight = 1 }) => ({
      id,
      name: of,
      ...(hostname === undefined ? {} : { hostname }),
      ready,
      weight,
    })),
  }));
  const own = { id: ids[0], name, namespace, version: "", reachable: true, links: [], services };
  return [own, ...view.sites.filter(({ id }) => !ids.includes(id))];
}

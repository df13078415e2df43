import type { PolicyState, RouterState, SiteState } from "#router/state.ts";

/** A router's word on the network, and how good it is. */
export interface Word {
  readonly routerId: string;
  readonly siteId: string;
  readonly stale: boolean;
  readonly state: RouterState;
  /** Services that its events say are not served well. */
  readonly troubles?: ReadonlyMap<string, "failover" | "down">;
}

export interface TopologySite {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly reachable: boolean;
  readonly self: boolean;
  /** Ids of its routers, as far as the routers of the network know. */
  readonly routers: readonly string[];
  readonly services: number;
  readonly pods: number;
  readonly podsReady: number;
}

export interface TopologyEndpoint {
  /** Id in the network: site/endpoint. */
  readonly endpoint: string;
  readonly name: string;
  readonly siteId: string;
  readonly site: string;
  /** And its site can be reached. */
  readonly ready: boolean;
  readonly weight: number;
}

export interface TopologyService {
  readonly service: string;
  readonly ports: readonly number[];
  /** What its first port says that it speaks; "tcp" when it does not say. */
  readonly protocol: string;
  readonly endpoints: readonly TopologyEndpoint[];
  /** Sites that offer it, also without an endpoint. */
  readonly sites: readonly string[];
  /** Sites with a listener for it, the observer's own first: where clients can be. */
  readonly clients: readonly string[];
  /** By client site and port: how its new work is divided. */
  readonly policies: ReadonlyMap<string, PolicyState>;
  /** By client site: what its router's events say, where that is not well. */
  readonly troubles: ReadonlyMap<string, "failover" | "down">;
  /** What follows from all that, worked out when it is asked for first: topologies change rarely, and views are made each second. */
  readonly derived: Derived;
}

export interface Derived {
  serving?: "ok" | "failover" | "down";
  podsReady?: number;
  /** By client site: what is wanted without a policy. */
  readonly defaults: Map<string, Pick<PolicyState, "clusters"> | undefined>;
}

/** What the routers together say of sites, services and policies. */
export interface Topology {
  readonly selfId: string;
  readonly sites: ReadonlyMap<string, TopologySite>;
  readonly services: ReadonlyMap<string, TopologyService>;
}

interface ServiceParts {
  readonly ports: Map<number, string>;
  readonly endpoints: TopologyEndpoint[];
  readonly sites: string[];
  readonly clients: string[];
  readonly policies: Map<string, PolicyState>;
  readonly troubles: Map<string, "failover" | "down">;
}

/**
 * One picture of what several routers say. Of a site its own router is believed while it is heard; of others, the one that the
 * observer stands at. Whether a site can be reached is the word of that one alone.
 */
export function topologyOf(words: readonly Word[], selfId: string): Topology {
  const ordered = words.toSorted((a, b) => rank(a, selfId) - rank(b, selfId));
  const own = new Map<string, SiteState>();
  const reachable = new Map<string, boolean>();
  const seen = new Map<string, SiteState>();
  for (const { siteId, stale, state } of ordered) {
    for (const site of state.sites) {
      if (!seen.has(site.id)) {
        seen.set(site.id, site);
        reachable.set(site.id, site.reachable);
      }
      if (site.id === siteId && !stale && !own.has(site.id)) own.set(site.id, site);
    }
  }
  const sites = new Map<string, TopologySite>();
  const services = new Map<string, ServiceParts>();
  for (const [id, heard] of seen) {
    const isReachable = reachable.get(id) === true;
    const facts = (isReachable ? own.get(id) : undefined) ?? heard;
    sites.set(id, takeSite(facts, { services, reachable: isReachable, self: id === selfId }));
  }
  for (const word of ordered) takeClients(word, services);
  const finished = new Map<string, TopologyService>();
  for (const [service, parts] of services) finished.set(service, serviceOf(service, parts));
  return { selfId, sites, services: finished };
}

/** Key of `TopologyService.policies`. */
export function policyKey(siteId: string, port: number): string {
  return `${port} ${siteId}`;
}

function rank({ siteId, stale }: Word, selfId: string): number {
  return (siteId === selfId ? 0 : 2) + (stale ? 1 : 0);
}

function takeSite(
  facts: SiteState,
  { services, reachable, self }: { services: Map<string, ServiceParts>; reachable: boolean; self: boolean },
): TopologySite {
  const { id, name, namespace, version, routers = [] } = facts;
  let [pods, podsReady] = [0, 0];
  for (const offered of facts.services) {
    const parts = partsOf(services, offered.service);
    parts.sites.push(id);
    for (const { port, protocol, appProtocol } of offered.ports)
      if (!parts.ports.has(port)) parts.ports.set(port, (appProtocol ?? protocol).toLowerCase());
    for (const { id: endpointId, name: endpointName, ready, weight } of offered.endpoints) {
      pods++;
      const usable = ready && reachable;
      if (usable) podsReady++;
      parts.endpoints.push({
        endpoint: `${id}/${endpointId}`,
        name: endpointName,
        siteId: id,
        site: name,
        ready: usable,
        weight,
      });
    }
  }
  const count = facts.services.length;
  return { id, name, namespace, version, reachable, self, routers, services: count, pods, podsReady };
}

function takeClients({ siteId, state, stale, troubles }: Word, services: Map<string, ServiceParts>): void {
  for (const { service, port } of state.listeners) {
    const parts = partsOf(services, service);
    if (!parts.clients.includes(siteId)) parts.clients.push(siteId);
    if (!parts.ports.has(port)) parts.ports.set(port, "tcp");
  }
  for (const policy of state.policies ?? []) {
    const { policies } = partsOf(services, policy.service);
    const key = policyKey(siteId, policy.port);
    if (!policies.has(key)) policies.set(key, policy);
  }
  if (stale) return;
  for (const [service, trouble] of troubles ?? []) services.get(service)?.troubles.set(siteId, trouble);
}

function partsOf(services: Map<string, ServiceParts>, service: string): ServiceParts {
  let parts = services.get(service);
  if (parts === undefined) {
    parts = {
      ports: new Map(),
      endpoints: [],
      sites: [],
      clients: [],
      policies: new Map(),
      troubles: new Map(),
    };
    services.set(service, parts);
  }
  return parts;
}

function serviceOf(
  service: string,
  { ports, endpoints, sites, clients, policies, troubles }: ServiceParts,
): TopologyService {
  const sorted = [...ports].toSorted(([a], [b]) => a - b);
  return {
    service,
    ports: sorted.map(([port]) => port),
    protocol: sorted[0]?.[1] ?? "tcp",
    endpoints,
    sites,
    clients,
    policies,
    troubles,
    derived: { defaults: new Map() },
  };
}

import type { AdvertisedEndpoint, AdvertisedService } from "./advertisement.ts";
import type { EndpointConfig, PolicyConfig, RouterConfig, ServiceConfig } from "./config.ts";
import { Endpoint, type EndpointFacts } from "./endpoint.ts";
import { Balancer, DEFAULT_SELECTION, type Offer, type SelectionPolicy } from "./selection/balancer.ts";

/** What the table asks of the network: who offers a service, and how far it is. */
export interface Offers {
  /** Other sites that offer the service, in a stable order. `cost` is undefined when a site cannot be reached now. */
  offering(service: string): Iterable<{
    readonly siteId: string;
    readonly cost: number | undefined;
    readonly service: AdvertisedService;
  }>;
}

/** How connections of one service are made. */
export interface ConnectPolicy {
  /** Further endpoints to try after the first. */
  readonly attempts: number;
  readonly connectMs: number;
  readonly idleMs: number;
}

const DEFAULT_CONNECT: ConnectPolicy = { attempts: 2, connectMs: 1000, idleMs: 300_000 };

interface Entry {
  readonly service: string;
  /** By wire id. */
  readonly endpoints: Map<string, Endpoint>;
  readonly balancers: Map<number, Balancer>;
}

/**
 * For every service that someone asks for here: all endpoints of all sites, and a balancer per port. Entries exist only
 * for services with a listener or with local endpoints, so a big network costs nothing for what is not used here.
 *
 * An endpoint is the same object as long as its id is known, through any change of configuration or routes.
 */
export class ServiceTable {
  readonly #siteId: string;
  readonly #network: Offers;
  readonly #entries = new Map<string, Entry>();
  #local = new Map<string, ServiceConfig>();
  #policies = new Map<string, PolicyConfig>();

  constructor(siteId: string, network: Offers) {
    this.#siteId = siteId;
    this.#network = network;
  }

  /** Takes the site's own services and policies, and brings every entry up to date. */
  configure(config: RouterConfig, nowMs: number): void {
    this.#local = new Map((config.services ?? []).map((service) => [service.service, service]));
    this.#policies = new Map((config.policies ?? []).map((policy) => [policy.service, policy]));
    for (const service of this.#local.keys()) this.#entry(service);
    this.refresh(undefined, nowMs);
  }

  /** The balancer of a service's port; made when first asked for. */
  balancer(service: string, { port, nowMs }: { readonly port: number; readonly nowMs: number }): Balancer {
    const entry = this.#entry(service);
    const known = entry.balancers.get(port);
    if (known !== undefined) return known;
    const balancer = new Balancer();
    entry.balancers.set(port, balancer);
    this.#refresh(entry, nowMs);
    return balancer;
  }

  /** Forgets a port's balancer (its listener is gone). */
  release(service: string, port: number): void {
    this.#entries.get(service)?.balancers.delete(port);
  }

  connectPolicy(service: string): ConnectPolicy {
    const policy = this.#policies.get(service);
    if (policy === undefined) return DEFAULT_CONNECT;
    return {
      attempts: policy.retries?.attempts ?? DEFAULT_CONNECT.attempts,
      connectMs: policy.timeouts?.connectMs ?? DEFAULT_CONNECT.connectMs,
      idleMs: policy.timeouts?.idleMs ?? DEFAULT_CONNECT.idleMs,
    };
  }

  /** Whether other sites may open connections to this site's endpoints of the service. */
  exports(service: string): boolean {
    const local = this.#local.get(service);
    return local !== undefined && local.exported !== false;
  }

  /** An endpoint of this site that is exported for the service; undefined for any other. */
  localEndpoint(service: string, id: string): Endpoint | undefined {
    const endpoint = this.#entries.get(service)?.endpoints.get(`${this.#siteId}/${id}`);
    return endpoint?.facts.host === undefined ? undefined : endpoint;
  }

  localEndpoints(service: string): Endpoint[] {
    return [...(this.#entries.get(service)?.endpoints.values() ?? [])].filter(
      ({ facts }) => facts.host !== undefined,
    );
  }

  /** Brings these services (all when undefined) up to date with what the network offers. */
  refresh(services: ReadonlySet<string> | undefined, nowMs: number): void {
    if (services === undefined) {
      for (const entry of this.#entries.values()) this.#refresh(entry, nowMs);
      return;
    }
    for (const service of services) {
      const entry = this.#entries.get(service);
      if (entry !== undefined) this.#refresh(entry, nowMs);
    }
  }

  *entries(): Iterable<{
    service: string;
    balancers: ReadonlyMap<number, Balancer>;
    endpoints: Iterable<Endpoint>;
  }> {
    for (const { service, balancers, endpoints } of this.#entries.values()) {
      yield { service, balancers, endpoints: endpoints.values() };
    }
  }

  #entry(service: string): Entry {
    let entry = this.#entries.get(service);
    if (entry === undefined) {
      entry = { service, endpoints: new Map(), balancers: new Map() };
      this.#entries.set(service, entry);
    }
    return entry;
  }

  #refresh(entry: Entry, nowMs: number): void {
    const offers: Offer[] = [];
    const seen = new Set<string>();
    const offer = (
      siteId: string,
      { id, facts, cost }: { id: string; facts: EndpointFacts; cost: number | undefined },
    ): void => {
      const wireId = `${siteId}/${id}`;
      let endpoint = entry.endpoints.get(wireId);
      if (endpoint === undefined) {
        endpoint = new Endpoint(siteId, id, facts);
        entry.endpoints.set(wireId, endpoint);
      } else endpoint.facts = facts;
      seen.add(wireId);
      offers.push({ endpoint, cost });
    };
    for (const endpoint of this.#local.get(entry.service)?.endpoints ?? []) {
      offer(this.#siteId, { id: endpoint.id, facts: localFacts(endpoint), cost: 0 });
    }
    for (const { siteId, cost, service } of this.#network.offering(entry.service)) {
      for (const endpoint of service.endpoints) {
        offer(siteId, { id: endpoint.id, facts: remoteFacts(endpoint, service), cost });
      }
    }
    for (const wireId of entry.endpoints.keys()) if (!seen.has(wireId)) entry.endpoints.delete(wireId);
    const policy = this.#selection(entry.service);
    for (const [port, balancer] of entry.balancers) {
      const forPort = offers.filter(({ endpoint }) => endpoint.facts.ports.has(port));
      balancer.update(forPort, { nowMs, policy });
    }
    if (entry.balancers.size === 0 && entry.endpoints.size === 0) this.#entries.delete(entry.service);
  }

  #selection(service: string): SelectionPolicy {
    const policy = this.#policies.get(service);
    if (policy === undefined) return DEFAULT_SELECTION;
    return {
      spread: policy.spread ?? DEFAULT_SELECTION.spread,
      algorithm: policy.algorithm ?? DEFAULT_SELECTION.algorithm,
      spillAt: policy.spillAt,
    };
  }
}

function localFacts({ name, ready, weight, ports, host }: EndpointConfig): EndpointFacts {
  const map = new Map(Object.entries(ports).map(([port, target]) => [Number(port), target]));
  return { name, ready, weight: weight ?? 1, ports: map, host };
}

function remoteFacts(
  { name, ready, weight, ports }: AdvertisedEndpoint,
  service: AdvertisedService,
): EndpointFacts {
  const all = ports ?? service.ports.map(({ port }) => port);
  return { name, ready, weight, ports: new Map(all.map((port) => [port, port])), host: undefined };
}

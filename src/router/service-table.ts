import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { AdvertisedEndpoint, AdvertisedService } from "./network/advertisement.ts";
import type { EndpointConfig, Only, PolicyConfig, RouterConfig, ServiceConfig } from "./config.ts";
import { Endpoint, type EndpointFacts } from "./endpoint.ts";
import { explainService } from "./explain/explain.ts";
import type { ServiceExplanation } from "./explain/explanation.ts";
import type { BalancerWatch } from "./observe/service-watch.ts";
import { RetryBudget } from "./retry-budget.ts";
import { Balancer, type BalancerOptions, type Offer, type PickContext } from "./selection/balancer.ts";
import { NarrowedBalancers } from "./selection/narrowed.ts";
import { DEFAULT_CONNECT_MS, selectionOf, type SelectionPolicy } from "./selection/policy.ts";

/** What the table asks of the network: who offers a service, and how far it is. */
export interface Offers {
  /** Other sites that offer the service, in a stable order. `cost` is undefined when a site cannot be reached now. */
  offering(service: string): Iterable<{
    readonly siteId: string;
    readonly cost: number | undefined;
    readonly service: AdvertisedService;
  }>;
  /** Other sites that are known, by id. */
  readonly sites: ReadonlyMap<
    string,
    { readonly facts: { readonly name: string }; readonly cost: number | undefined }
  >;
}

/** How connections and requests of one service are made. */
export interface ConnectPolicy {
  /** Further endpoints to try after the first [2]. */
  readonly attempts: number;
  readonly connectMs: number;
  /** Without a byte, for TCP. */
  readonly idleMs: number;
  /** From a request's head until the head of its answer; 0 is no limit. */
  readonly requestMs: number;
  /** Of a client's connection between requests. */
  readonly httpIdleMs: number;
  /** Bounds retries of what may have reached an endpoint; outlives changes of the policy. */
  readonly retryBudget: RetryBudget;
}

const DEFAULT_BUDGET_PERCENT = 20;

export interface ServiceTableOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What hears of the balancer of a service's port. */
  readonly watch?: (service: string, port: number) => BalancerWatch;
  /** Shares changed by themselves (failures, ramps); at most once per second. */
  readonly onShares?: () => void;
}

/** Shares that change by themselves are told of this often, ms. */
const SHARES_PERIOD_MS = 1000;

interface Entry {
  readonly service: string;
  /** By wire id. */
  readonly endpoints: Map<string, Endpoint>;
  readonly balancers: Map<number, PortBalancer>;
  /** Of listeners for endpoints of one site only, or for one endpoint. */
  readonly narrowed: NarrowedBalancers;
}

interface PortBalancer {
  readonly balancer: Balancer;
  http: boolean;
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
  #siteName = "";
  readonly #connectPolicies = new Map<string, ConnectPolicy>();
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #options: ServiceTableOptions;
  readonly #balancerOptions: BalancerOptions;
  #telling: (() => void) | undefined;

  constructor(siteId: string, network: Offers, options: ServiceTableOptions) {
    this.#siteId = siteId;
    this.#network = network;
    this.#options = options;
    const { clock, random } = options;
    this.#balancerOptions = { clock, random, onShift: () => this.#tellShares() };
  }

  stop(): void {
    this.#telling?.();
    this.#telling = undefined;
  }

  /** Takes the site's own services and policies, and brings every entry up to date. */
  configure(config: RouterConfig): void {
    this.#local = new Map((config.services ?? []).map((service) => [service.service, service]));
    this.#policies = new Map((config.policies ?? []).map((policy) => [policy.service, policy]));
    this.#siteName = config.site.name;
    this.#connectPolicies.clear();
    for (const service of this.#budgets.keys())
      if (!this.#entries.has(service)) this.#budgets.delete(service);
    for (const service of this.#local.keys()) this.#entry(service);
    this.refresh(undefined);
  }

  /**
   * The balancer of a service's port; made when first asked for. `http` says whether requests are balanced, or connections
   * [as it is, at first connections]; that decides what a policy that names no algorithm means. `only` narrows it to some
   * endpoints: that is another balancer, which nothing is explained of.
   */
  balancer(
    service: string,
    {
      port,
      http,
      only,
    }: { readonly port: number; readonly http?: boolean; readonly only?: Only | undefined },
  ): Balancer {
    const entry = this.#entry(service);
    if (only !== undefined) {
      const { balancer, isStale } = entry.narrowed.get(only, { port, http: http ?? false });
      if (isStale) this.#refresh(entry);
      return balancer;
    }
    const known = entry.balancers.get(port);
    if (known !== undefined && (http ?? known.http) === known.http) return known.balancer;
    const balancer = known?.balancer ?? this.#newBalancer(service, port);
    entry.balancers.set(port, { balancer, http: http ?? false });
    this.#refresh(entry);
    return balancer;
  }

  /** The balancer of a port that someone listens for; undefined where nobody does. */
  balancerOf(service: string, port: number): Balancer | undefined {
    return this.#entries.get(service)?.balancers.get(port)?.balancer;
  }

  /** Whether an endpoint is one of the service's now. */
  knows(service: string, wireId: string): boolean {
    return this.#entries.get(service)?.endpoints.has(wireId) ?? false;
  }

  hasPolicy(service: string): boolean {
    return this.#policies.has(service);
  }

  /** Forgets a port's balancer (its listener is gone). */
  release(
    service: string,
    { port, only }: { readonly port: number; readonly only?: Only | undefined },
  ): void {
    const entry = this.#entries.get(service);
    if (only === undefined) entry?.balancers.delete(port);
    else entry?.narrowed.release(only, port);
  }

  connectPolicy(service: string): ConnectPolicy {
    let policy = this.#connectPolicies.get(service);
    if (policy === undefined) {
      policy = this.#newConnectPolicy(service);
      this.#connectPolicies.set(service, policy);
    }
    return policy;
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
  refresh(services: ReadonlySet<string> | undefined): void {
    if (services === undefined) {
      for (const entry of this.#entries.values()) this.#refresh(entry);
      return;
    }
    for (const service of services) {
      const entry = this.#entries.get(service);
      if (entry !== undefined) this.#refresh(entry);
    }
  }

  /**
   * Tells how new work of a service's port is divided now, and why; undefined when nothing here asks for it. With `sample`
   * also how one request would be decided of which that is known.
   */
  explain(
    service: string,
    {
      port,
      protocol,
      sample,
    }: { readonly port: number; readonly protocol?: string; readonly sample?: PickContext | undefined },
  ): ServiceExplanation | undefined {
    const known = this.#entries.get(service)?.balancers.get(port);
    if (known === undefined) return undefined;
    const config: Omit<PolicyConfig, "service"> = this.#policies.get(service) ?? {};
    const others = [...this.#network.sites]
      .map(([siteId, { facts, cost }]) => ({ siteId, name: facts.name, local: false, cost }))
      .toSorted((a, b) => (a.siteId < b.siteId ? -1 : 1));
    return explainService({
      service,
      port,
      protocol: protocol ?? (known.http ? "http" : "tcp"),
      config,
      balancer: known.balancer,
      connect: this.connectPolicy(service),
      budgetPercent: config.retries?.budgetPercent ?? DEFAULT_BUDGET_PERCENT,
      sites: [{ siteId: this.#siteId, name: this.#siteName, local: true, cost: 0 }, ...others],
      nowMs: this.#options.clock.monotonicMs(),
      sample,
    });
  }

  *entries(): Iterable<{
    service: string;
    balancers: ReadonlyMap<number, Balancer>;
    endpoints: Iterable<Endpoint>;
  }> {
    for (const { service, balancers, endpoints } of this.#entries.values()) {
      yield {
        service,
        balancers: new Map([...balancers].map(([port, { balancer }]) => [port, balancer])),
        endpoints: endpoints.values(),
      };
    }
  }

  #entry(service: string): Entry {
    let entry = this.#entries.get(service);
    if (entry === undefined) {
      const narrowed = new NarrowedBalancers((port) => this.#narrowedOptions(service, port));
      entry = { service, endpoints: new Map(), balancers: new Map(), narrowed };
      this.#entries.set(service, entry);
    }
    return entry;
  }

  #refresh(entry: Entry): void {
    const offers: Offer[] = [];
    const seen = new Set<string>();
    const offer = (
      { siteId, ...where }: Omit<Offer, "endpoint"> & { readonly siteId: string },
      { id, facts }: { readonly id: string; readonly facts: EndpointFacts },
    ): void => {
      const wireId = `${siteId}/${id}`;
      let endpoint = entry.endpoints.get(wireId);
      if (endpoint === undefined) {
        endpoint = new Endpoint(siteId, id, facts);
        entry.endpoints.set(wireId, endpoint);
      } else endpoint.facts = facts;
      seen.add(wireId);
      offers.push({ endpoint, ...where });
    };
    const self = { siteId: this.#siteId, name: this.#siteName };
    const here = { siteId: self.siteId, cluster: self.name, cost: 0, local: true };
    for (const endpoint of this.#local.get(entry.service)?.endpoints ?? []) {
      offer(here, { id: endpoint.id, facts: localFacts(endpoint) });
    }
    for (const { siteId, cost, service } of this.#network.offering(entry.service)) {
      const cluster = this.#network.sites.get(siteId)?.facts.name ?? siteId;
      for (const endpoint of service.endpoints) {
        offer(
          { siteId, cluster, cost, local: false },
          { id: endpoint.id, facts: remoteFacts(endpoint, service) },
        );
      }
    }
    for (const wireId of entry.endpoints.keys()) if (!seen.has(wireId)) entry.endpoints.delete(wireId);
    const config = this.#policies.get(entry.service) ?? {};
    const policies = new Map<boolean, SelectionPolicy>();
    for (const [port, { balancer, http }] of entry.balancers) {
      const forPort = offers.filter(({ endpoint }) => endpoint.facts.ports.has(port));
      const policy = policies.get(http) ?? selectionOf(config, { http, self });
      policies.set(http, policy);
      balancer.update(forPort, policy);
      if (balancer.tendency === "moving") this.#tellShares();
    }
    entry.narrowed.update(offers, {
      policyOf: (http) => selectionOf(config, { http, self }),
      isSite: (id) => id === this.#siteId || this.#network.sites.has(id),
    });
    if (entry.balancers.size === 0 && entry.narrowed.size === 0 && entry.endpoints.size === 0)
      this.#entries.delete(entry.service);
  }

  #tellShares(): void {
    const { clock, onShares } = this.#options;
    if (onShares === undefined) return;
    this.#telling ??= clock.after(SHARES_PERIOD_MS, () => {
      this.#telling = undefined;
      onShares();
      for (const { balancers } of this.#entries.values())
        for (const { balancer } of balancers.values()) if (balancer.tendency === "moving") this.#tellShares();
    });
  }

  #newBalancer(service: string, port: number): Balancer {
    return new Balancer({ ...this.#balancerOptions, ...this.#options.watch?.(service, port) });
  }

  /** Its ejections count; that its few endpoints are gone is no news of the service. */
  #narrowedOptions(service: string, port: number): BalancerOptions {
    const watch = this.#options.watch?.(service, port);
    if (watch === undefined) return this.#balancerOptions;
    return { ...this.#balancerOptions, onEjected: () => watch.onEjected() };
  }

  #newConnectPolicy(service: string): ConnectPolicy {
    const { retries, timeouts } = this.#policies.get(service) ?? {};
    const percent = retries?.budgetPercent ?? DEFAULT_BUDGET_PERCENT;
    let retryBudget = this.#budgets.get(service);
    if (retryBudget === undefined) {
      retryBudget = new RetryBudget(this.#options.clock, percent);
      this.#budgets.set(service, retryBudget);
    } else retryBudget.percent = percent;
    return {
      attempts: retries?.attempts ?? 2,
      connectMs: timeouts?.connectMs ?? DEFAULT_CONNECT_MS,
      idleMs: timeouts?.idleMs ?? 300_000,
      requestMs: timeouts?.requestMs ?? 0,
      httpIdleMs: timeouts?.httpIdleMs ?? 60_000,
      retryBudget,
    };
  }
}

function localFacts({ name, ready, reason, weight, ports, host, zone }: EndpointConfig): EndpointFacts {
  const map = new Map(Object.entries(ports).map(([port, target]) => [Number(port), target]));
  return { name, ready, reason, weight: weight ?? 1, ports: map, host, zone };
}

function remoteFacts(
  { name, ready, reason, weight, ports, zone }: AdvertisedEndpoint,
  service: AdvertisedService,
): EndpointFacts {
  const all = ports ?? service.ports.map(({ port }) => port);
  const map = new Map(all.map((port) => [port, port]));
  return { name, ready, reason, weight, ports: map, host: undefined, zone };
}

import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import type { Link, LinkIdentity, LinkStream } from "#link/types.ts";
import type { AdvertisedLink, AdvertisedService, RouterFacts } from "./network/advertisement.ts";
import type { RouterConfig, ServiceConfig } from "./config.ts";
import type { ConnectQueue } from "./flow/connect-queue.ts";
import type { RouterCounters } from "./counters.ts";
import type { DialFor } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EventLog } from "./observe/event-log.ts";
import type { ServiceWatch } from "./observe/service-watch.ts";
import { Flood, type Neighbour } from "./network/flood.ts";
import type { Flow } from "./flow/flow.ts";
import { HealthChecks } from "./health/health-checks.ts";
import { Inbound } from "./flow/inbound.ts";
import { LinkStateDatabase } from "./network/link-state.ts";
import { Network } from "./network/network.ts";
import { ServiceTable } from "./service-table.ts";
import { AdvertisementSigner, AdvertisementVerifier } from "./network/signature.ts";
import type { SiteState } from "./state.ts";
import type { StreamEnd } from "./flow/stream-end.ts";

/** Advertisements of this router are at least so far apart; the first after a pause goes at once, ms. */
const PUBLISH_GAP_MS = 20;
/** A round trip time is advertised again when it moved by this factor and this long ago. */
const RTT_FACTOR = 1.5;
const RTT_FLOOR_MS = 1;
const RTT_PAUSE_MS = 10_000;

const log = logFor("router", "network");

export interface RouterCoreOptions {
  readonly self: { readonly site: string; readonly router: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  readonly counters: RouterCounters;
  readonly connects: ConnectQueue;
  readonly admit: (flow: Flow) => boolean;
  readonly onChange: () => void;
  readonly events: EventLog;
  readonly watch: ServiceWatch;
  readonly onAsk: (stream: LinkStream) => void;
}

/** What a router is under one identity (site and replica id): its place in the network, and what it knows of it. */
export class RouterCore {
  readonly self: { readonly site: string; readonly router: string };
  readonly database = new LinkStateDatabase();
  readonly network: Network;
  readonly services: ServiceTable;
  readonly inbound: Inbound;
  readonly #options: RouterCoreOptions;
  readonly #flood: Flood;
  readonly #health: HealthChecks;
  readonly #neighbours = new Map<Link, Neighbour>();
  readonly #traces: string;
  #config: RouterConfig | undefined;
  #generation = 0;
  #identity: string | undefined;
  #advertised = new Map<string, AdvertisedService>();
  #localServices = new Map<string, ServiceConfig>();
  #rtts = new Map<Link, { ms: number; atMs: number }>();
  #publishedMs = Number.NEGATIVE_INFINITY;
  #publishing: (() => void) | undefined;
  #streams = 0;
  #leaving = false;
  #stopped = false;

  constructor(options: RouterCoreOptions) {
    const { self, clock, random, counters, connects, admit, onChange, events, watch, onAsk } = options;
    this.self = self;
    this.#options = options;
    this.#traces = `${clock.now().toString(36)}-${self.router}`.slice(0, 100);
    const { database } = this;
    this.network = new Network({
      self,
      database,
      clock,
      onServices: (services) => this.services.refresh(services),
      onReachable: ({ siteId, facts }, reachable) =>
        events.add({
          kind: reachable ? "SiteReachable" : "SiteUnreachable",
          siteId,
          message: reachable
            ? `A path leads to site ${facts.name}`
            : `No path leads to site ${facts.name} any more`,
        }),
      onChange,
    });
    this.services = new ServiceTable(self.site, this.network, {
      clock,
      random,
      watch: (service, port) => watch.watch(service, port),
      onShares: onChange,
    });
    this.#health = new HealthChecks({
      clock,
      random,
      onChange: () => {
        if (this.#config !== undefined) this.#useServices(this.#config);
        onChange();
      },
    });
    this.#flood = new Flood({
      self,
      database,
      clock,
      counters,
      onChange: (change) => this.network.changed(change),
    });
    const { network, services } = this;
    const siteId = self.site;
    this.inbound = new Inbound({ siteId, services, network, connects, counters, clock, admit, onAsk });
  }

  /** Throws when the identity cannot be used; nothing has changed then. */
  configure(
    config: RouterConfig,
    { identity, generation }: { readonly identity: LinkIdentity | undefined; readonly generation: number },
  ): void {
    const text = JSON.stringify(identity);
    if (text !== this.#identity || this.#config === undefined) {
      this.#flood.setTrust(
        identity === undefined
          ? undefined
          : {
              signer: new AdvertisementSigner(identity.server),
              verifier: new AdvertisementVerifier({ trust: identity.trust, network: identity.network }),
            },
      );
      this.#identity = text;
    }
    this.#config = config;
    this.#generation = generation;
    this.#useServices(config);
  }

  stop(): void {
    this.#stopped = true;
    this.#health.stop();
    this.services.stop();
    this.#publishing?.();
    this.#flood.stop();
    this.network.stop();
    this.#neighbours.clear();
  }

  linkUp(link: Link): void {
    if (this.#stopped) return;
    const neighbour: Neighbour = {
      send: (payload) => {
        try {
          link.sendControl(payload);
        } catch (error) {
          log.error("Control message was not sent", { link: link.name, reason: String(error) });
        }
      },
    };
    this.#neighbours.set(link, neighbour);
    this.#rtts.set(link, { ms: link.rttMs, atMs: this.#options.clock.monotonicMs() });
    this.network.linkUp(link);
    this.#flood.neighbourUp(neighbour);
    this.#publishSoon();
    this.#options.onChange();
  }

  linkDown(link: Link): void {
    const neighbour = this.#neighbours.get(link);
    this.#rtts.delete(link);
    if (neighbour === undefined || !this.#neighbours.delete(link)) return;
    this.#flood.neighbourDown(neighbour);
    this.network.linkDown(link);
    this.#publishSoon();
    this.#options.onChange();
  }

  /** Its cost is another. */
  linkChanged(link: Link): void {
    if (!this.#neighbours.has(link)) return;
    this.network.linkChanged();
    this.#publishSoon();
    this.#options.onChange();
  }

  rtt(link: Link): void {
    const known = this.#rtts.get(link);
    if (known === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    const moved =
      link.rttMs > known.ms * RTT_FACTOR + RTT_FLOOR_MS || link.rttMs < known.ms / RTT_FACTOR - RTT_FLOOR_MS;
    if (known.ms !== 0 && (!moved || nowMs - known.atMs < RTT_PAUSE_MS)) return;
    this.#rtts.set(link, { ms: link.rttMs, atMs: nowMs });
    this.#publishSoon();
    this.#options.onChange();
  }

  control(link: Link, payload: Uint8Array): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour !== undefined) this.#flood.receive(neighbour, payload);
  }

  /** Opens a stream towards an endpoint of another site; false when no link leads there now. */
  openRemote(
    endpoint: Endpoint,
    { target, end }: { readonly target: DialFor; readonly end: StreamEnd },
  ): boolean {
    const link = this.network.nextHop(endpoint.siteId);
    if (link === undefined) return false;
    const { service, port, client } = target;
    const trace = `${this.#traces}-${(this.#streams++).toString(36)}`;
    end.attach(
      link.open(
        { service, port, endpoint: endpoint.wireId, protocol: "tcp", client, hops: [this.self.site], trace },
        end,
      ),
    );
    return true;
  }

  /** Tells the network to route around this router; what it exports stays known. */
  leave(): void {
    this.#leaving = true;
    this.#publishing?.();
    this.#publishing = undefined;
    this.#flood.publish(this.#facts());
  }

  sitesState(): SiteState[] {
    const own = this.#facts();
    const routers = this.#routersBySite();
    const sites = [stateOf(own, { cost: 0, routers })];
    const others = [...this.network.sites.values()].toSorted((a, b) => (a.siteId < b.siteId ? -1 : 1));
    for (const { facts, cost } of others) sites.push(stateOf(facts, { cost, routers }));
    return sites;
  }

  #routersBySite(): Map<string, string[]> {
    const { site, router } = this.self;
    const ids = new Map([[site, [router]]]);
    for (const { facts, unreachableSinceMs } of this.database) {
      if (unreachableSinceMs !== undefined || (facts.site === site && facts.router === router)) continue;
      ids.set(facts.site, [...(ids.get(facts.site) ?? []), facts.router].toSorted());
    }
    return ids;
  }

  /** Publishes now, or when the last time is long enough ago. */
  #publishSoon(): void {
    if (this.#publishing !== undefined || this.#stopped) return;
    const { clock } = this.#options;
    const publish = (): void => {
      this.#publishing = undefined;
      this.#publishedMs = clock.monotonicMs();
      this.#flood.publish(this.#facts());
    };
    const waitMs = this.#publishedMs + PUBLISH_GAP_MS - clock.monotonicMs();
    if (waitMs <= 0) publish();
    else this.#publishing = clock.after(waitMs, publish);
  }

  #facts(): RouterFacts {
    const { site, router } = this.self;
    return {
      site,
      router,
      name: this.#config?.site.name ?? "",
      namespace: this.#config?.site.namespace ?? "",
      version: this.#options.version,
      generation: this.#generation,
      links: this.#leaving ? [] : this.#links(),
      services: this.#advertised,
    };
  }

  #links(): AdvertisedLink[] {
    const byRouter = new Map<string, AdvertisedLink>();
    for (const link of this.#neighbours.keys()) {
      const { siteId: site, routerId: router } = link.remote;
      const key = `${site}/${router}`;
      const known = byRouter.get(key);
      if (known !== undefined && known.cost <= link.cost) continue;
      const rttMs = Math.round((this.#rtts.get(link)?.ms ?? 0) * 100) / 100;
      byRouter.set(key, { site, router, cost: link.cost, rttMs });
    }
    return [...byRouter.values()];
  }

  /** What this site offers, as its health checks find it: used here, and told to others. */
  #useServices(config: RouterConfig): void {
    const services = this.#health.apply(config.services ?? []);
    this.#advertise(services);
    this.services.configure({ ...config, services });
    this.#publishSoon();
  }

  /** What did not change keeps its object, so that finding the difference is cheap. */
  #advertise(services: readonly ServiceConfig[]): void {
    const before = this.#advertised;
    const localBefore = this.#localServices;
    this.#advertised = new Map();
    this.#localServices = new Map();
    for (const service of services) {
      if (service.exported === false) continue;
      const key = service.service;
      const old = localBefore.get(key);
      const same = old !== undefined && JSON.stringify(old) === JSON.stringify(service);
      this.#localServices.set(key, service);
      this.#advertised.set(key, (same ? before.get(key) : undefined) ?? advertised(service));
    }
  }
}

/** What others may know of a service: everything but the addresses. */
function advertised({ service, ports, terms, endpoints }: ServiceConfig): AdvertisedService {
  return {
    service,
    ports: ports.map(({ name, port, appProtocol }) => ({
      ...(name === undefined ? {} : { name }),
      port,
      protocol: "TCP",
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
    ...(terms === undefined ? {} : { terms }),
    endpoints: endpoints.map(({ id, name, hostname, ready, reason, weight, zone, ports: served }) => {
      const all = ports.every(({ port }) => served[String(port)] !== undefined);
      return {
        id,
        name,
        ...(hostname === undefined ? {} : { hostname }),
        ready,
        ...(ready || reason === undefined ? {} : { reason }),
        weight: weight ?? 1,
        ...(zone === undefined ? {} : { zone }),
        ...(all ? {} : { ports: Object.keys(served).map(Number) }),
      };
    }),
  };
}

function stateOf(
  facts: RouterFacts,
  {
    cost,
    routers,
  }: { readonly cost: number | undefined; readonly routers: ReadonlyMap<string, readonly string[]> },
): SiteState {
  const { site: id, name, namespace, version, links, services } = facts;
  return {
    id,
    name,
    namespace,
    version,
    reachable: cost !== undefined,
    ...(cost === undefined ? {} : { cost }),
    routers: routers.get(id) ?? [],
    links: links.map(({ site, cost: linkCost, rttMs }) => ({ site, cost: linkCost, rttMs })),
    services: [...services.values()].map(({ service, ports, terms, endpoints }) => ({
      service,
      ports,
      ...(terms === undefined ? {} : { terms }),
      endpoints: endpoints.map(({ id: endpointId, name: endpointName, hostname, ready, weight }) => ({
        id: endpointId,
        name: endpointName,
        ...(hostname === undefined ? {} : { hostname }),
        ready,
        weight,
      })),
    })),
  };
}

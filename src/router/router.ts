import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import type { LinkHandler } from "#link/types.ts";
import { Admin } from "./admin.ts";
import type { RouterConfig } from "./config.ts";
import type { Problem } from "./config.ts";
import { ConnectQueue } from "./flow/connect-queue.ts";
import { RouterCounters } from "./counters.ts";
import { Dialer } from "./dial.ts";
import type { Flow } from "./flow/flow.ts";
import { FlowTable } from "./flow/flow-table.ts";
import { HttpCounters } from "./http/counters.ts";
import { identityOf, LinkManager, type LinkTransport } from "./network/link-manager.ts";
import { Listeners } from "./serving/listeners.ts";
import type { OpeningContext } from "./flow/opening.ts";
import { RouterCore } from "./router-core.ts";
import { policiesState } from "./explain/policy-state.ts";
import { metricsText } from "./metrics/metrics.ts";
import { answerOf } from "./observe/answer.ts";
import { Asked } from "./observe/over-links/asked.ts";
import { Asking } from "./observe/over-links/asking.ts";
import type { Answer } from "./observe/over-links/protocol.ts";
import { expiryOf } from "./observe/certificate.ts";
import type { Observation } from "./observe/observation.ts";
import type { Whereabouts } from "./observe/flow-log.ts";
import { changedParts, epochOf, linkEvent } from "./observe/happenings.ts";
import { Telling, type Told } from "./observe/telling.ts";
import { Serving } from "./serving/serving.ts";
import type { RouterState } from "./state.ts";

/** State goes out this long after a change, so that changes that come together are one message, ms. */
const STATE_SETTLE_MS = 20;
const DEFAULT_DRAIN_MS = 30_000;
/** For so long at most links stay open for what clients have begun to send when a drain begins, ms. */
const LAST_STREAMS_MS = 1000;
const LAST_STREAMS_LOOK_MS = 10;
const DEFAULT_MAX_FLOWS = 100_000;

const log = logFor("router");

export interface RouterOptions {
  readonly config: RouterConfig;
  readonly generation?: number;
  readonly transport: LinkTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Replica id where the configuration names none. */
  readonly hostname: string;
  readonly version: string;
  /** Connections at once, proxied or relayed; more are refused. */
  readonly maxFlows?: number;
  /** Told of every change of state, debounced 20 ms. */
  readonly onState?: (state: RouterState) => void;
}

/**
 * One router: listeners, local endpoints, links, routes and flows, as one configuration says. Configurations can be
 * swapped at any time; no connection that stands is touched by that.
 *
 *     new -> start() -> running --apply(config)--> running -> drain() -> draining -> stop() -> stopped
 */
export class Router {
  readonly counters = new RouterCounters();
  readonly http = new HttpCounters();
  readonly #options: RouterOptions;
  readonly #connects: ConnectQueue;
  readonly #flows: FlowTable;
  readonly #serving: Serving;
  readonly #listeners: Listeners;
  readonly #transport: LinkTransport;
  readonly #links: LinkManager;
  readonly #telling: Telling;
  readonly #asked: Asked;
  readonly #asking: Asking;
  #config: RouterConfig;
  #generation: number;
  #core: RouterCore;
  #admin: Admin | undefined;
  #problems: readonly Problem[] = [];
  #certificateExpiresMs: number | undefined;
  #draining = false;
  #statePending: (() => void) | undefined;

  constructor(options: RouterOptions) {
    const { clock, random, env } = options;
    this.#options = options;
    this.#config = options.config;
    this.#generation = options.generation ?? 0;
    this.#connects = new ConnectQueue(clock);
    this.#flows = new FlowTable({ clock, onIdle: (flow) => this.#idle(flow) });
    this.#telling = new Telling({ clock, random, epoch: epochOf(clock, random), told: this.#told() });
    this.#asked = new Asked({
      clock,
      allowed: () => this.#config.observe?.access !== "site",
      answer: (url) => answerOf(url, this),
    });
    this.#asking = new Asking({
      clock,
      site: () => this.#core.self.site,
      nextHop: (siteId, routerId) =>
        routerId === undefined
          ? this.#core.network.nextHop(siteId)
          : this.#core.network.nextHopToRouter(siteId, routerId),
      isKnown: (siteId, routerId) => this.#core.network.knows(siteId, routerId),
    });
    this.#core = this.#newCore(options.config);
    const { flows } = this.#telling;
    const opening: OpeningContext = {
      clock,
      connects: this.#connects,
      flows,
      openRemote: (endpoint, how) => this.#core.openRemote(endpoint, how),
    };
    const dialer = new Dialer({
      connects: this.#connects,
      openRemote: (endpoint, how) => this.#core.openRemote(endpoint, how),
    });
    this.#serving = new Serving({
      opening,
      http: { clock, random, dialer, counters: this.http, flows, via: undefined },
    });
    this.#listeners = new Listeners({
      serving: this.#serving,
      clock,
      env,
      admit: (flow) => this.#admit(flow),
      onChange: () => this.#changed(),
      ledger: this.#telling.ledger,
    });
    this.#transport = options.transport;
    this.#links = new LinkManager({ transport: options.transport, handler: this.#linkHandler(), env });
  }

  get flows(): FlowTable {
    return this.#flows;
  }

  get listeners(): Listeners {
    return this.#listeners;
  }

  get linkPorts(): readonly number[] {
    return this.#links.ports;
  }

  get adminPort(): number | undefined {
    return this.#admin?.port;
  }

  get ready(): boolean {
    return !this.#draining;
  }

  /**
   * Opens everything. With `strict` throws ADDRESS_IN_USE or INVALID when something cannot be, and leaves nothing open;
   * without, the state says what does not work, and it is tried again.
   */
  start({ strict }: { readonly strict: boolean } = { strict: true }): void {
    try {
      this.#problems = this.#configure(this.#config, { strict });
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Takes a checked configuration. Returns what of it cannot work now; the rest does. */
  apply(config: RouterConfig, generation = this.#generation): readonly Problem[] {
    this.counters.configReloads++;
    const changed = changedParts(this.#config, config);
    this.#generation = generation;
    const { site, router } = this.#core.self;
    if (config.site.id !== site || this.#routerIdOf(config) !== router) {
      // Another identity: links of the former one end, connections between here and local endpoints stay.
      this.#links.close();
      this.#core.stop();
      this.#core = this.#newCore(config);
    }
    this.#config = config;
    try {
      this.#problems = this.#configure(config, { strict: false });
    } catch (error) {
      this.#problems = [{ field: "", message: messageOf(error) }];
      log.error("Configuration could not be applied", { reason: messageOf(error) });
    }
    if (changed.length > 0) {
      const message = `Configuration is in force: ${changed.join(", ")} changed`;
      this.#telling.events.add({ kind: "ConfigApplied", message });
    }
    for (const { field, message } of this.#problems)
      log.error("Part of the configuration does not work", { field, reason: message });
    return this.#problems;
  }

  /** A configuration was refused before it came here: the last good one stays, and the state says why. */
  refuse(problems: readonly Problem[]): void {
    this.counters.configRefused++;
    const [first] = problems;
    const why = first === undefined ? "" : `: ${first.field} ${first.message}`;
    this.#telling.events.add({
      kind: "ConfigRefused",
      message: `A configuration was refused, the last good one stays${why}`,
    });
    this.#problems = problems;
    this.#changed();
  }

  state(): RouterState {
    const { self, network } = this.#core;
    return {
      routerId: self.router,
      links: this.#links.state(network.links),
      sites: this.#core.sitesState(),
      listeners: this.#listeners.state(),
      policies: [...policiesState(this.#listeners.routes, this.#core.services)],
      problems: this.#problems,
    };
  }

  observe(query: URLSearchParams): Observation {
    return this.#telling.observe(query);
  }

  /** What another site's router says to a question; of this site, this router itself. Never rejects. */
  async ask(siteId: string, path: string, signal?: AbortSignal): Promise<Answer> {
    if (siteId === this.#core.self.site) return answerOf(new URL(path, "http://router"), this);
    return await this.#asking.ask(siteId, path, signal);
  }

  core(): RouterCore {
    return this.#core;
  }

  metrics(): string {
    const { network, database, services, self } = this.#core;
    const { flows, events, ledger, watch } = this.#telling;
    return metricsText({
      rows: this.#telling.rows(),
      rowOverflows: ledger.overflows,
      watched: watch.counts,
      flowLog: flows,
      asked: this.#asked.counts,
      asking: this.#asking.counts,
      eventLog: events,
      siteId: self.site,
      siteName: this.#config.site.name,
      version: this.#options.version,
      counters: this.counters,
      http: this.http,
      http2: this.#serving.http2.counters,
      pools: { http1: this.#serving.http1.size, http2: this.#serving.http2.size },
      services: this.#listeners.stats,
      flows: this.#flows,
      links: network.links,
      linkStates: this.#links.state(network.links),
      sites: network.sites,
      routers: database.size,
      endpoints: services.entries(),
      certificateExpiresMs: this.#certificateExpiresMs,
      connecting: this.#connects.size,
      generation: this.#generation,
      transport: this.#transport,
    });
  }

  /**
   * Takes no more connections, tells the network to route around, and waits for what runs, at most `drain.timeoutMs`.
   * Resolves with the number of flows that were still there.
   */
  async drain(): Promise<number> {
    this.#draining = true;
    this.#listeners.stop();
    this.#links.stopAccepting();
    this.#core.leave();
    for (const flow of Array.from(this.#flows)) flow.drain?.();
    const { clock } = this.#options;
    const timeoutMs = this.#config.drain?.timeoutMs ?? DEFAULT_DRAIN_MS;
    const lastMs = Math.min(timeoutMs, LAST_STREAMS_MS);
    await this.#clientsServed(lastMs);
    for (const link of this.#core.network.links) link.goAway();
    return await this.#flows.drained({ clock, timeoutMs: timeoutMs - lastMs });
  }

  /** A request whose head is still being read needs a stream, which a link that drains does not open. Waits `mostMs` at most. */
  async #clientsServed(mostMs: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + mostMs;
    while (clock.monotonicMs() < endMs && Array.from(this.#flows).some((flow) => flow.drain !== undefined))
      // oxlint-disable-next-line no-await-in-loop -- the loop is the wait
      await new Promise<void>((resolve) => void clock.after(LAST_STREAMS_LOOK_MS, resolve));
  }

  /** Ends everything now: what still flows is reset. */
  stop(): void {
    this.#draining = true;
    this.#statePending?.();
    this.#listeners.stop();
    for (const flow of Array.from(this.#flows)) flow.kill("RESET_BY_PEER", "Router stops");
    this.#serving.close();
    this.#connects.stop();
    this.#links.close();
    this.#core.stop();
    this.#flows.stop();
    this.#telling.stop();
    this.#asked.stop();
    this.#admin?.stop();
    this.#admin = undefined;
  }

  #configure(config: RouterConfig, { strict }: { readonly strict: boolean }): Problem[] {
    const core = this.#core;
    const identity = identityOf(config);
    this.#certificateExpiresMs = identity === undefined ? undefined : expiryOf(identity);
    const { flows = true } = config.observe ?? {};
    this.#telling.flows.enabled = flows;
    core.configure(config, { identity, generation: this.#generation });
    const { router: routerId } = core.self;
    const { version } = this.#options;
    const self = { siteName: config.site.name, routerId, version };
    const problems = [
      ...this.#configureAdmin(config, strict),
      ...this.#links.configure(config, { self, strict }),
      ...this.#listeners.configure(config, { services: core.services, strict }),
    ];
    this.#changed();
    return problems;
  }

  #configureAdmin(config: RouterConfig, strict: boolean): Problem[] {
    const listen = config.admin?.listen;
    if (listen === this.#admin?.listen) return [];
    this.#admin?.stop();
    this.#admin = undefined;
    if (listen === undefined) return [];
    try {
      this.#admin = new Admin(listen, { router: this, env: this.#options.env });
      return [];
    } catch (error) {
      if (strict) throw error;
      return [{ field: "admin.listen", message: messageOf(error) }];
    }
  }

  #newCore(config: RouterConfig): RouterCore {
    const { clock, random, version } = this.#options;
    const self = { site: config.site.id, router: this.#routerIdOf(config) };
    return new RouterCore({
      self,
      clock,
      random,
      version,
      counters: this.counters,
      connects: this.#connects,
      admit: (flow) => this.#admit(flow),
      onChange: () => this.#changed(),
      events: this.#telling.events,
      watch: this.#telling.watch,
      onAsk: (stream) => this.#asked.accept(stream),
    });
  }

  #routerIdOf(config: RouterConfig): string {
    return config.router?.id ?? this.#options.hostname;
  }

  #linkHandler(): LinkHandler {
    return {
      onUp: (link) => {
        this.#telling.events.add(linkEvent(link, { kind: "LinkUp", what: "is up" }));
        this.#core.linkUp(link);
      },
      onDown: (link, reason) => {
        log.info("Link is down", { link: link.name, site: link.remote.siteId, reason });
        this.#telling.events.add(linkEvent(link, { kind: "LinkDown", what: `is down: ${reason}` }));
        this.#core.linkDown(link);
      },
      onStream: (stream, link) => this.#core.inbound.accept(stream, link),
      onControl: (link, payload) => this.#core.control(link, payload),
      onRtt: (link) => this.#core.rtt(link),
      onCost: (link) => this.#core.linkChanged(link),
    };
  }

  #admit(flow: Flow): boolean {
    if (this.#draining || this.#flows.size >= (this.#options.maxFlows ?? DEFAULT_MAX_FLOWS)) return false;
    flow.onClosed = this.#closed;
    this.#flows.add(flow);
    return true;
  }

  readonly #closed = (flow: Flow): void => {
    this.#flows.remove(flow);
    if (flow.endpoint !== undefined) flow.endpoint.inFlight--;
  };

  #idle(flow: Flow): void {
    this.counters.idleReaped++;
    flow.kill("TIMEOUT", "Idle");
  }

  #told(): Told {
    const where = (siteId: string): Whereabouts => {
      const { network, self } = this.#core;
      const name =
        siteId === self.site ? this.#config.site.name : (network.sites.get(siteId)?.facts.name ?? "");
      return { name, path: network.sitesTo(siteId) };
    };
    return {
      router: () => {
        const { self } = this.#core;
        const { name: siteName, namespace = "" } = this.#config.site;
        const { version } = this.#options;
        const expires = this.#certificateExpiresMs;
        return {
          id: self.router,
          siteId: self.site,
          siteName,
          namespace,
          version,
          ...(expires === undefined ? {} : { certificateExpires: new Date(expires).toISOString() }),
        };
      },
      flows: () => this.#flows,
      links: () => this.#core.network.links,
      linkStates: () => this.#links.state(this.#core.network.links),
      state: () => this.state(),
      where,
      knows: (service, endpoint) => this.#core.services.knows(service, endpoint),
    };
  }

  #changed(): void {
    this.#telling.stateChanged();
    if (this.#options.onState === undefined || this.#statePending !== undefined) return;
    this.#statePending = this.#options.clock.after(STATE_SETTLE_MS, () => {
      this.#statePending = undefined;
      this.#options.onState?.(this.state());
    });
  }
}

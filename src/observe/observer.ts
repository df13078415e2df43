import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type { ServiceExplanation } from "#router/explain/explanation.ts";
import { Changes } from "./changes.ts";
import type { RouterRecord } from "./collect/router-record.ts";
import { Traffic, type Series } from "./collect/traffic.ts";
import { Collector, PERIOD_MS } from "./collector.ts";
import { flowMatches } from "./model/flow-filter.ts";
import { HistorySteps, spanOf } from "./model/history-view.ts";
import { nextEdges, type KnownEdge, type RouterLinks } from "./model/links.ts";
import type { Moment } from "./model/load.ts";
import { networkView } from "./model/network-view.ts";
import { serviceView, type PolicyWords } from "./model/service-view.ts";
import { ServicesDiff, servicesView } from "./model/services-view.ts";
import { topologyOf, type Topology, type TopologyService } from "./model/topology.ts";
import { Recorder, type RoundNews } from "./recorder.ts";
import type { RouterSource } from "./source.ts";
import { eventMatches, itemOf, type ActivityQuery } from "./store/event-table.ts";
import { THIN_AFTER_MS } from "./store/history-table.ts";
import { Store } from "./store/store.ts";
import { viewEvent, type ViewEvent, type ViewRequest } from "./subscriptions.ts";
import type {
  ActivityView,
  CheckCategory,
  FlowFilter,
  FlowsView,
  HistoryView,
  LinkEdge,
  NetworkView,
  ServicesView,
  ServiceView,
  SiteView,
} from "./views.ts";

const MIB = 1024 * 1024;
const DEFAULT_MAX_BYTES = 256 * MIB;
const DEFAULT_MAX_AGE_MS = 7 * 24 * 3_600_000;
/** Views are of what was heard by then; who answers later is in the next ones. */
const ANSWERS_MS = 300;
/** A router that was not heard for so long is not shown. */
const SHOWN_MS = 120_000;
/** What policies say is asked again after this, while somebody looks. */
const POLICY_MS = 5000;
const MAX_POLICIES = 5000;
const CHECKS_MS = 5000;
const SWEEP_ROUNDS = 60;
/** Totals of endpoints that are gone are forgotten after this. */
const FORGET_SERIES_MS = 3_600_000;
const DEFAULT_HISTORY_MS = 15 * 60_000;

const log = logFor("observe");

export interface ObserverOptions {
  readonly source: RouterSource;
  readonly clock: Clock;
  readonly random?: Random;
  readonly store: {
    /** A file, or ":memory:". */
    readonly path: string;
    /** Of the file [256 MiB]. */
    readonly maxBytes?: number;
    /** [7 days] */
    readonly maxAgeMs?: number;
  };
  /** As `isthmus check` finds it; undefined for sites whose cluster is out of reach. */
  readonly checks?: (siteId: string) => Promise<readonly CheckCategory[] | undefined>;
}

interface Subscriber {
  readonly request: ViewRequest;
  readonly fn: (event: ViewEvent) => void;
  /** JSON of the last view, where views are sent only when they changed. */
  last: string | undefined;
}

/**
 * Watches a network through the routers of one site, keeps what they tell, and shows it (views.ts). Each second is a round: everybody
 * is asked, what came is written, followers are told. It never touches the data path, and nothing that it cannot
 * reach or write stops it.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #store: Store;
  readonly #traffic = new Traffic();
  readonly #changes = new Changes();
  readonly #collector: Collector;
  readonly #recorder: Recorder;
  readonly #subscribers = new Set<Subscriber>();
  readonly #policies = new Map<string, { words: PolicyWords | undefined; atMs: number }>();
  readonly #checks = new Map<
    string,
    { atMs: number; found: Promise<readonly CheckCategory[] | undefined> }
  >();
  readonly #goneSeries = new Map<Series, number>();
  #diff = new ServicesDiff();
  #edges: ReadonlyMap<string, KnownEdge>;
  #topology: Topology | undefined;
  #topologyOf = "";
  #stateChanged = false;
  #moment: Moment;
  #network: NetworkView | undefined;
  #services: ServicesView | undefined;
  #stopTicking: (() => void) | undefined;
  #stopped = false;
  #ready: (() => void)[] = [];

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { source, clock, store, random = systemRandom } = options;
    const nowMs = clock.now();
    const { path, maxBytes = DEFAULT_MAX_BYTES, maxAgeMs = DEFAULT_MAX_AGE_MS } = store;
    this.#store = new Store({ path, maxBytes, maxAgeMs }, nowMs);
    const traffic = this.#traffic;
    this.#recorder = new Recorder(
      {
        store: this.#store,
        traffic,
        changes: this.#changes,
        siteName: (id) => this.#topology?.sites.get(id)?.name,
      },
      nowMs,
    );
    this.#collector = new Collector({
      source,
      clock,
      random,
      traffic,
      onAnswer: (record, news, said) => {
        if (news.stateChanged || said.events.length > 0) this.#stateChanged = true;
        this.#recorder.take(record, news, said);
      },
    });
    this.#recorder.restore(this.#collector.records);
    this.#edges = restoredEdges(this.#store.now.kept("edges"));
    this.#moment = this.#newMoment(nowMs);
    const { trouble } = this.#store;
    if (trouble !== undefined)
      this.#recorder.tell([
        { atMs: nowMs, kind: "ObserverGap", severity: "warning", message: trouble.message },
      ]);
  }

  /** Asks each second from now on. The process has to stay for another reason. */
  start(): void {
    this.#stopTicking ??= this.#options.clock.every(PERIOD_MS, () => void this.#tick());
    void this.#tick();
  }

  /** Writes what is not written, and lets go of the file. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopTicking?.();
    this.#collector.stop();
    this.#subscribers.clear();
    if (this.#topology !== undefined)
      this.#recorder.endOfRound(this.#options.clock.now(), { edges: this.#edges, last: true });
    this.#store.close();
  }

  /** Asks everybody now, and resolves when all have answered or failed. Sites that were unknown are asked by the next call. */
  async look(): Promise<void> {
    await this.#collector.ask();
    this.#endRound();
  }

  /** Resolves when the own site was heard. Throws why it was not, after `timeoutMs` [10,000]. */
  async ready({ timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#topology !== undefined) return;
    const late = await new Promise<boolean>((resolve) => {
      const cancel = this.#options.clock.after(timeoutMs, () => resolve(true));
      this.#ready.push(() => {
        cancel();
        resolve(false);
      });
    });
    if (late) throw this.#unheard();
  }

  /** The site whose routers are asked directly. Throws UNREACHABLE before it was heard. */
  self(): { readonly id: string; readonly name: string; readonly namespace: string } {
    const { sites, selfId } = this.#known();
    const site = sites.get(selfId);
    return { id: selfId, name: site?.name ?? selfId, namespace: site?.namespace ?? "" };
  }

  /** History begins here. */
  get historyFromMs(): number {
    return this.#store.now.history.fromMs() ?? this.#options.clock.now();
  }

  network(): NetworkView {
    const topology = this.#known();
    this.#network ??= networkView({
      moment: this.#moment,
      topology,
      routers: this.#shown(),
      edges: this.#linkEdges(),
      series: this.#traffic.series.values(),
    });
    return this.#network;
  }

  services(): ServicesView {
    const topology = this.#known();
    this.#services ??= servicesView({ moment: this.#moment, topology, traffic: this.#traffic.services });
    return this.#services;
  }

  /** Throws NOT_FOUND. What policies say is asked for when it is not known, and waited for. */
  async service(key: string, { port }: { readonly port?: number } = {}): Promise<ServiceView> {
    const view = this.#serviceNow(key, port);
    const asked = view.clients
      .map(({ siteId }) => this.#learnPolicy(key, { siteId, port: view.port }))
      .filter((learning) => learning !== undefined);
    if (asked.length === 0) return view;
    await Promise.all(asked);
    return this.#serviceNow(key, port);
  }

  /** Throws NOT_FOUND for a service of which nothing is known now and nothing was. */
  history(
    key: string,
    asked: { readonly fromMs?: number; readonly toMs?: number; readonly stepMs?: number } = {},
  ): HistoryView {
    const nowMs = this.#options.clock.now();
    const toMs = Math.min(asked.toMs ?? nowMs, nowMs);
    const fromMs = Math.min(asked.fromMs ?? toMs - DEFAULT_HISTORY_MS, toMs);
    const span = spanOf({ fromMs, toMs, stepMs: asked.stepMs, fineFromMs: nowMs - THIN_AFTER_MS });
    const steps = new HistorySteps(span);
    const { history, events } = this.#store.now;
    history.read(key, { fromMs: span.fromMs, toMs, into: (atMs) => steps.at(atMs) });
    for (const { at, ms } of history.covered(span.fromMs, toMs)) steps.cover(at, ms);
    const open = this.#recorder.open(key);
    steps.cover(open.atMs, open.coveredMs);
    for (const { counts, pods } of open.ports) steps.add(open.atMs, { counts, pods });
    return steps.view({
      service: key,
      nowMs,
      seriesOf: (id) => this.#store.now.seriesFacts(id),
      events: events.between(fromMs, toMs, key),
      gaps: this.#store.now
        .gaps(fromMs, toMs)
        .filter(({ router }) => router === undefined)
        .map((gap) => ({ fromMs: gap.fromMs, toMs: gap.toMs })),
    });
  }

  /** Asks a site's router why a service is served as it is. Throws NOT_FOUND, and what the source throws. */
  async explain(
    key: string,
    { site, port }: { readonly site?: string; readonly port?: number } = {},
  ): Promise<ServiceExplanation> {
    const service = this.#service(key);
    const used = port ?? this.#serviceNow(key, undefined).port;
    const siteId = site === undefined ? undefined : this.#site(site);
    const explanation = await this.#ask(service.service, { siteId, port: used });
    if (explanation !== undefined) return explanation;
    const where = site === undefined ? this.self().name : site;
    throw new IsthmusError("NOT_FOUND", `Nothing is decided at ${where} for ${key} port ${used}`, {
      hint: "Only sites with clients of a service decide where its requests go: see the clients of the service",
    });
  }

  flows(filter: FlowFilter = {}): FlowsView {
    const atMs = this.#options.clock.now();
    return { atMs, flows: this.#store.now.findFlows(filter), ...this.#recorder.unseen(atMs) };
  }

  activity(query: ActivityQuery = {}): ActivityView {
    return { items: this.#store.now.findEvents(query) };
  }

  /** By id or name. Throws NOT_FOUND. */
  async site(idOrName: string): Promise<SiteView> {
    const id = this.#site(idOrName);
    const { sites, links, atMs } = this.network();
    const site = sites.find((one) => one.id === id);
    if (site === undefined) throw noSite(idOrName);
    const checks = await this.#checksOf(id);
    const services = [...this.#known().services.values()]
      .filter((service) => service.sites.includes(id))
      .map(({ service, endpoints }) => {
        const own = endpoints.filter(({ siteId }) => siteId === id);
        return { service, podsReady: own.filter(({ ready }) => ready).length, pods: own.length };
      })
      .toSorted((a, b) => (a.service < b.service ? -1 : 1));
    return {
      atMs,
      site,
      links: links.filter(({ from, to }) => from === id || to === id),
      ...(checks === undefined ? {} : { checks }),
      services,
    };
  }

  /**
   * Tells `fn` of a view: all of it at once, then each second what changed. `fn` must not throw, and is called until the
   * returned function is. Throws what the view throws.
   */
  subscribe(request: ViewRequest, fn: (event: ViewEvent) => void): () => void {
    const first = this.#view(request);
    const subscriber: Subscriber = { request, fn, last: undefined };
    if (request.view === "service" || request.view === "network") subscriber.last = comparable(first.json);
    this.#subscribers.add(subscriber);
    fn(first);
    return () => this.#subscribers.delete(subscriber);
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options;
    let cancel: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(ANSWERS_MS, resolve);
    });
    await Promise.race([this.#collector.ask(), late]);
    cancel?.();
    if (this.#stopped) return;
    try {
      this.#endRound();
    } catch (error) {
      log.error("A round failed", { reason: messageOf(error) });
    }
  }

  #endRound(): void {
    const { selfId, round } = this.#collector;
    if (selfId === undefined || this.#stopped) return;
    const nowMs = this.#options.clock.now();
    this.#moment = this.#newMoment(nowMs);
    this.#network = undefined;
    this.#services = undefined;
    const topology = this.#refreshTopology(selfId, nowMs);
    this.#collector.setSites(topology.sites);
    this.#edges = nextEdges(this.#edges, {
      routers: [...this.#routerLinks(nowMs)],
      selfId,
      siteIds: topology.sites,
      nowMs,
    });
    this.#recorder.tell(this.#changes.look(topology, nowMs));
    this.#recorder.tell(this.#changes.lookAtRouters(this.#collector.records.values(), nowMs));
    const news = this.#recorder.endOfRound(nowMs, { edges: this.#edges });
    if (round % SWEEP_ROUNDS === 0) this.#sweep(topology, nowMs);
    this.#publish(news);
    for (const ready of this.#ready.splice(0)) ready();
  }

  /** Only when somebody said something new, or is not heard any more, or again. */
  #refreshTopology(selfId: string, nowMs: number): Topology {
    const shown = [...this.#shown()];
    const heard = shown.map((record) => `${record.key} ${record.isStale(nowMs)}`).join("\n");
    if (this.#topology !== undefined && !this.#stateChanged && heard === this.#topologyOf)
      return this.#topology;
    const words = shown.flatMap((record) => {
      const { key: routerId, siteId, state, troubles } = record;
      return state === undefined ? [] : [{ routerId, siteId, stale: record.isStale(nowMs), state, troubles }];
    });
    this.#stateChanged = false;
    this.#topologyOf = heard;
    this.#topology = topologyOf(words, selfId);
    return this.#topology;
  }

  *#shown(): Generator<RouterRecord> {
    const nowMs = this.#options.clock.now();
    for (const record of this.#collector.records.values())
      if (nowMs - record.observedMs <= SHOWN_MS) yield record;
  }

  *#routerLinks(nowMs: number): Generator<RouterLinks> {
    const { round } = this.#collector;
    for (const record of this.#shown()) {
      if (record.state === undefined) continue;
      const seconds = record.windowMs(round) / 1000;
      const perSecond = (bytes: number): number => (seconds > 0 ? Math.round(bytes / seconds) : 0);
      yield {
        siteId: record.siteId,
        stale: record.isStale(nowMs),
        ends: record.state.links.map((link) => {
          const [out, into] = record.linkBytes(link, round);
          const streams = record.links
            .filter(({ name, direction }) => name === link.name && direction === link.direction)
            .reduce((sum, one) => sum + one.streams, 0);
          return { link, streams, bytesOut: perSecond(out), bytesIn: perSecond(into) };
        }),
      };
    }
  }

  *#linkEdges(): Generator<LinkEdge> {
    for (const { edge } of this.#edges.values()) yield edge;
  }

  #newMoment(atMs: number): Moment {
    const { records, round } = this.#collector;
    const seconds = new Map<string, number>();
    return {
      atMs,
      round,
      secondsOf: (key) => {
        let known = seconds.get(key);
        if (known === undefined) {
          known = (records.get(key)?.windowMs(round) ?? 0) / 1000;
          seconds.set(key, known);
        }
        return known;
      },
    };
  }

  #serviceNow(key: string, port: number | undefined): ServiceView {
    const service = this.#service(key);
    if (port !== undefined && !service.ports.includes(port))
      throw new IsthmusError("NOT_FOUND", `${key} has no port ${port}: it has ${service.ports.join(", ")}`);
    return serviceView({
      moment: this.#moment,
      topology: this.#known(),
      service,
      series: [...(this.#traffic.services.get(key) ?? [])],
      port,
      policyOf: (siteId, used) => this.#policies.get(`${key} ${used} ${siteId}`)?.words,
    });
  }

  /** Undefined when it is known and fresh. A stale one is asked for again, and nobody has to wait. */
  #learnPolicy(
    service: string,
    { siteId, port }: { siteId: string; port: number },
  ): Promise<void> | undefined {
    const key = `${service} ${port} ${siteId}`;
    const known = this.#policies.get(key);
    const nowMs = this.#options.clock.now();
    if (known !== undefined && nowMs - known.atMs < POLICY_MS) return undefined;
    if (this.#policies.size >= MAX_POLICIES) this.#policies.clear();
    this.#policies.set(key, { words: known?.words, atMs: nowMs });
    const learning = this.#ask(service, { siteId, port }).then(
      (explanation) => {
        this.#policies.set(key, { words: policyWords(explanation), atMs: nowMs });
      },
      (error: unknown) => log.debug("No explanation", { service, site: siteId, reason: messageOf(error) }),
    );
    return known?.words === undefined ? learning : undefined;
  }

  async #ask(
    service: string,
    { siteId, port }: { siteId: string | undefined; port: number },
  ): Promise<ServiceExplanation | undefined> {
    const path = `/v1/explain?service=${encodeURIComponent(service)}&port=${port}`;
    const { status, value } = await this.#collector.get(path, siteId);
    if (status === 404) return undefined;
    if (status !== 200)
      throw new IsthmusError("UNREACHABLE", `The router of that site answered ${status} to ${path}`);
    if (typeof value === "object" && value !== null) return value as ServiceExplanation;
    throw new IsthmusError("PROTOCOL", `What a router answered to ${path} is no explanation`, {
      source: "upstream",
    });
  }

  #checksOf(siteId: string): Promise<readonly CheckCategory[] | undefined> {
    const { checks, clock } = this.#options;
    if (checks === undefined) return Promise.resolve(undefined);
    const nowMs = clock.now();
    const known = this.#checks.get(siteId);
    if (known !== undefined && nowMs - known.atMs < CHECKS_MS) return known.found;
    const found = checks(siteId).catch((error: unknown) => {
      log.info("Checks failed", { site: siteId, reason: messageOf(error) });
      return undefined;
    });
    this.#checks.set(siteId, { atMs: nowMs, found });
    return found;
  }

  #publish(news: RoundNews): void {
    if (this.#subscribers.size === 0) return;
    const network = (): ViewEvent => (networkEvent ??= viewEvent("view", this.network()));
    let networkEvent: ViewEvent | undefined;
    const update = this.#hasFollowers("services") ? this.#diff.next(this.services()) : undefined;
    const servicesEvent = update === undefined ? undefined : viewEvent("update", update);
    for (const subscriber of this.#subscribers) {
      const { request, fn } = subscriber;
      if (request.view === "network") this.#tellView(subscriber, network());
      else if (request.view === "services") {
        if (servicesEvent !== undefined) fn(servicesEvent);
      } else if (request.view === "service") this.#tellView(subscriber, this.#viewOrGone(request));
      else if (request.view === "flows") this.#tellFlows(request.filter, { news, fn });
      else {
        const items = news.events.filter((event) => eventMatches(event, request.query)).map(itemOf);
        if (items.length > 0) fn(viewEvent("activity", { items } satisfies ActivityView));
      }
    }
  }

  #tellView(subscriber: Subscriber, event: ViewEvent | undefined): void {
    if (event === undefined) return;
    const text = comparable(event.json);
    if (text === subscriber.last) return;
    subscriber.last = text;
    subscriber.fn(event);
  }

  #tellFlows(filter: FlowFilter, { news, fn }: { news: RoundNews; fn: (event: ViewEvent) => void }): void {
    const flows = news.flows.filter((flow) => flowMatches(flow, filter));
    if (flows.length === 0) return;
    const { atMs } = this.#moment;
    fn(viewEvent("flows", { atMs, flows, ...this.#recorder.unseen(atMs) } satisfies FlowsView));
  }

  /** A service that is gone has no view any more: whoever follows it keeps what was last. */
  #viewOrGone(request: ViewRequest): ViewEvent | undefined {
    try {
      return this.#view(request);
    } catch {
      return undefined;
    }
  }

  #view(request: ViewRequest): ViewEvent {
    switch (request.view) {
      case "network":
        return viewEvent("view", this.network());
      case "services": {
        const services = this.services();
        // Nobody followed: what changes from here on is told against this.
        if (!this.#hasFollowers("services")) {
          this.#diff = new ServicesDiff();
          this.#diff.next(services);
        }
        return viewEvent("view", services);
      }
      case "service": {
        const view = this.#serviceNow(request.service, request.port);
        for (const { siteId } of view.clients)
          void this.#learnPolicy(request.service, { siteId, port: view.port });
        return viewEvent("view", view);
      }
      case "flows":
        return viewEvent("view", this.flows(request.filter));
      case "activity":
        return viewEvent("view", this.activity(request.query));
      default:
        return request satisfies never;
    }
  }

  #hasFollowers(view: ViewRequest["view"]): boolean {
    return [...this.#subscribers].some(({ request }) => request.view === view);
  }

  #sweep(topology: Topology, nowMs: number): void {
    const { records, round } = this.#collector;
    this.#traffic.sweep(round, (key) => {
      const record = records.get(key);
      return record === undefined || nowMs - record.observedMs > SHOWN_MS;
    });
    const there = new Set<string>();
    for (const { service, endpoints } of topology.services.values())
      for (const { endpoint } of endpoints) there.add(`${service} ${endpoint}`);
    for (const series of this.#traffic.series.values()) {
      const quiet = [...series.rows.values()].every((row) => row.window === undefined && row.active === 0);
      const present = series.endpoint === "" || there.has(`${series.service} ${series.endpoint}`);
      if (present || !quiet) {
        this.#goneSeries.delete(series);
        continue;
      }
      const since = this.#goneSeries.get(series) ?? nowMs;
      this.#goneSeries.set(series, since);
      if (nowMs - since < FORGET_SERIES_MS) continue;
      this.#goneSeries.delete(series);
      this.#traffic.forget(series);
    }
  }

  #known(): Topology {
    if (this.#topology === undefined) throw this.#unheard();
    return this.#topology;
  }

  #service(key: string): TopologyService {
    const service = this.#known().services.get(key);
    if (service !== undefined) return service;
    throw new IsthmusError("NOT_FOUND", `There is no service ${key} in the network`, {
      hint: "Services are those that `isthmus top` lists, as namespace/name",
    });
  }

  #site(idOrName: string): string {
    const { sites } = this.#known();
    const site = sites.get(idOrName) ?? [...sites.values()].find(({ name }) => name === idOrName);
    if (site === undefined) throw noSite(idOrName);
    return site.id;
  }

  #unheard(): IsthmusError {
    const { error } = this.#collector;
    if (error instanceof IsthmusError) return error;
    return new IsthmusError("UNREACHABLE", "No router of the site was heard yet", {
      ...(error === undefined ? {} : { cause: error }),
      hint: "isthmus check",
    });
  }
}

function noSite(idOrName: string): IsthmusError {
  return new IsthmusError("NOT_FOUND", `There is no site ${idOrName} in the network`, {
    hint: "isthmus network status",
  });
}

/** Routers of another version may say less. */
function policyWords(explanation: Partial<ServiceExplanation> | undefined): PolicyWords | undefined {
  const policy = explanation?.policy;
  if (policy === undefined) return undefined;
  const { mode, spread, algorithm } = policy;
  return { mode, spread, algorithm };
}

/** A view is another one when anything but its time is. */
function comparable(json: string): string {
  return json.replace(/^\{"atMs":[\d.]+,/, "");
}

function restoredEdges(kept: unknown): Map<string, KnownEdge> {
  if (!Array.isArray(kept)) return new Map();
  const edges: readonly LinkEdge[] = kept;
  return new Map(edges.map((edge) => [edge.id, { edge }]));
}

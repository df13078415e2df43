import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type { ServiceExplanation } from "#router/explain/explanation.ts";
import { Changes } from "./changes.ts";
import { Traffic } from "./collect/traffic.ts";
import { Collector, PERIOD_MS } from "./collector.ts";
import { Explanations } from "./explanations.ts";
import { Followers } from "./followers.ts";
import { history, type HistoryQuery } from "./history.ts";
import { LiveViews } from "./live-views.ts";
import { findSite } from "./model/find-site.ts";
import { siteView } from "./model/site-view.ts";
import { Picture } from "./picture.ts";
import { Recorder } from "./recorder.ts";
import { SiteChecks, type CheckSite } from "./site-checks.ts";
import type { RouterSource } from "./source.ts";
import type { ActivityQuery } from "./store/event-table.ts";
import { Store } from "./store/store.ts";
import type { ViewEvent, ViewRequest } from "./subscriptions.ts";
import { Sweeper } from "./sweeper.ts";
import type {
  ActivityView,
  FlowFilter,
  FlowsView,
  HistoryView,
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
const SWEEP_ROUNDS = 60;

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
  readonly checks?: CheckSite;
}

/**
 * Watches a network through the routers of one site, keeps what they tell, and shows it (views.ts). Each second is a round: everybody
 * is asked, what came is written, followers are told. It never touches the data path, and nothing that it cannot
 * reach or write stops it.
 */
export class Observer {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #changes = new Changes();
  readonly #recorder: Recorder;
  readonly #collector: Collector;
  readonly #picture: Picture;
  readonly #sweeper: Sweeper;
  readonly #explanations: Explanations;
  readonly #views: LiveViews;
  readonly #checks: SiteChecks | undefined;
  readonly #followers: Followers;
  #stopTicking: (() => void) | undefined;
  #stopped = false;
  #ready: (() => void)[] = [];

  constructor({ source, clock, store: bounds, random = systemRandom, checks }: ObserverOptions) {
    this.#clock = clock;
    const nowMs = clock.now();
    const { path, maxBytes = DEFAULT_MAX_BYTES, maxAgeMs = DEFAULT_MAX_AGE_MS } = bounds;
    const store = new Store({ path, maxBytes, maxAgeMs }, nowMs);
    const traffic = new Traffic();
    const recorder = new Recorder(
      { store, traffic, changes: this.#changes, siteName: (id) => picture.siteName(id) },
      nowMs,
    );
    const collector = new Collector({
      source,
      clock,
      random,
      traffic,
      onAnswer: (record, news, said) => {
        if (news.stateChanged || said.events.length > 0) picture.stateChanged();
        recorder.take(record, news, said);
      },
    });
    const { records } = collector;
    recorder.restore(records);
    const picture = new Picture({
      records,
      keptEdges: store.now.kept("edges"),
      error: () => collector.error,
    });
    const explanations = new Explanations({ clock, get: (to, siteId) => collector.get(to, siteId) });
    this.#store = store;
    this.#recorder = recorder;
    this.#collector = collector;
    this.#picture = picture;
    this.#sweeper = new Sweeper({ traffic, records });
    this.#explanations = explanations;
    this.#views = new LiveViews({
      picture,
      traffic,
      clock,
      wordsOf: (service, client) => explanations.wordsOf(service, client),
    });
    this.#checks = checks === undefined ? undefined : new SiteChecks({ check: checks, clock });
    this.#followers = new Followers({
      network: () => this.network(),
      services: () => this.services(),
      service: (key, port) => this.#learning(key, port).view,
      flows: (filter) => this.flows(filter),
      activity: (query) => this.activity(query),
    });
    if (store.trouble !== undefined)
      recorder.tell([
        { atMs: nowMs, kind: "ObserverGap", severity: "warning", message: store.trouble.message },
      ]);
  }

  /** Asks each second from now on. The process has to stay for another reason. */
  start(): void {
    this.#stopTicking ??= this.#clock.every(PERIOD_MS, () => void this.#tick());
    void this.#tick();
  }

  /** Writes what is not written, and lets go of the file. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopTicking?.();
    this.#collector.stop();
    this.#followers.clear();
    if (this.#picture.isThere)
      this.#recorder.endOfRound(this.#clock.now(), { edges: this.#picture.edges, last: true });
    this.#store.close();
  }

  /** Asks everybody now, and resolves when all have answered or failed. Sites that were unknown are asked by the next call. */
  async look(): Promise<void> {
    await this.#collector.ask();
    this.#endRound();
  }

  /** Resolves when the own site was heard. Throws why it was not, after `timeoutMs` [10,000]. */
  async ready({ timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#picture.isThere) return;
    const late = await new Promise<boolean>((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => resolve(true));
      this.#ready.push(() => {
        cancel();
        resolve(false);
      });
    });
    if (late) throw this.#picture.unheard();
  }

  /** The site whose routers are asked directly. Throws UNREACHABLE before it was heard. */
  self(): { readonly id: string; readonly name: string; readonly namespace: string } {
    const { sites, selfId } = this.#picture.now.topology;
    const site = sites.get(selfId);
    return { id: selfId, name: site?.name ?? selfId, namespace: site?.namespace ?? "" };
  }

  /** History begins here. */
  get historyFromMs(): number {
    return this.#store.now.history.fromMs() ?? this.#clock.now();
  }

  network(): NetworkView {
    return this.#views.network();
  }

  services(): ServicesView {
    return this.#views.services();
  }

  /** Throws NOT_FOUND. What policies say is asked for when it is not known, and waited for. */
  async service(key: string, { port }: { readonly port?: number } = {}): Promise<ServiceView> {
    const { view, learning } = this.#learning(key, port);
    if (learning === undefined) return view;
    await learning;
    return this.#views.service(key, port);
  }

  /** Throws NOT_FOUND for a service of which nothing is known now and nothing was. */
  history(key: string, asked: HistoryQuery = {}): HistoryView {
    const nowMs = this.#clock.now();
    return history({ ...asked, service: key }, { store: this.#store, recorder: this.#recorder, nowMs });
  }

  /** Asks a site's router why a service is served as it is. Throws NOT_FOUND, and what the source throws. */
  async explain(
    key: string,
    { site, port }: { readonly site?: string; readonly port?: number } = {},
  ): Promise<ServiceExplanation> {
    const { service } = this.#picture.service(key);
    const used = port ?? this.#views.service(key, undefined).port;
    const { sites } = this.#picture.now.topology;
    const siteId = site === undefined ? undefined : findSite(sites.values(), site).id;
    const explanation = await this.#explanations.ask(service, { siteId, port: used });
    if (explanation !== undefined) return explanation;
    const where = site === undefined ? this.self().name : site;
    throw new IsthmusError("NOT_FOUND", `Nothing is decided at ${where} for ${key} port ${used}`, {
      hint: "Only sites with clients of a service decide where its requests go: see the clients of the service",
    });
  }

  flows(filter: FlowFilter = {}): FlowsView {
    const atMs = this.#clock.now();
    return { atMs, flows: this.#store.now.findFlows(filter), ...this.#recorder.unseen(atMs) };
  }

  activity(query: ActivityQuery = {}): ActivityView {
    return { items: this.#store.now.findEvents(query) };
  }

  /** By id or name. Throws NOT_FOUND. */
  async site(idOrName: string): Promise<SiteView> {
    const network = this.network();
    const site = findSite(network.sites, idOrName);
    const view = siteView(site, { network, topology: this.#picture.now.topology });
    const checks = await this.#checks?.of(site.id);
    return checks === undefined ? view : { ...view, checks };
  }

  /**
   * Tells `fn` of a view: all of it at once, then each second what changed. `fn` must not throw, and is called until the
   * returned function is. Throws what the view throws.
   */
  subscribe(request: ViewRequest, fn: (event: ViewEvent) => void): () => void {
    return this.#followers.add(request, fn);
  }

  /** A service as it is known, and what has to be waited for until the policies of its clients are. */
  #learning(key: string, port: number | undefined): { view: ServiceView; learning?: Promise<unknown> } {
    const view = this.#views.service(key, port);
    const learning = this.#explanations.learn(view);
    return learning === undefined ? { view } : { view, learning };
  }

  async #tick(): Promise<void> {
    let cancel: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ANSWERS_MS, resolve);
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
    const { selfId, round, records } = this.#collector;
    if (selfId === undefined || this.#stopped) return;
    const nowMs = this.#clock.now();
    const topology = this.#picture.look({ selfId, round, nowMs });
    this.#collector.setSites(topology.sites);
    this.#recorder.tell(this.#changes.look(topology, nowMs));
    this.#recorder.tell(this.#changes.lookAtRouters(records.values(), nowMs));
    const news = this.#recorder.endOfRound(nowMs, { edges: this.#picture.edges });
    if (round % SWEEP_ROUNDS === 0) this.#sweeper.sweep(topology, { round, nowMs });
    this.#followers.publish({ ...news, atMs: nowMs, ...this.#recorder.unseen(nowMs) });
    for (const ready of this.#ready.splice(0)) ready();
  }
}

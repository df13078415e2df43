import type { Site } from "#api/kinds/site.ts";
import { conditionOf, isTrue } from "#api/object.ts";
import { LeaderElector } from "#controller/leader.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import type { KubeClient } from "#kube/client.ts";
import { Assembler } from "./routers/assembler.ts";
import { Caches, fallbackIdOf, siteNameOf } from "./caches.ts";
import type { ControllerStats } from "./controller-admin.ts";
import { GrantWriter } from "./join/grant-writer.ts";
import { Discovery } from "./imports/discovery.ts";
import { InForce } from "./policy/in-force.ts";
import { clusterIssuer } from "./join/cluster-issuer.ts";
import { clustersetName } from "./imports/clusterset-service.ts";
import { LeaderLoops } from "./leader-loops.ts";
import { ListenerBook } from "./routers/listener-book.ts";
import { Lock } from "./lock.ts";
import { CONTROL_PORT, JOIN_PORT, LEASE } from "./names.ts";
import { NetworkSecrets } from "./network.ts";
import { mergeStates, type NetworkView, type SiteState, withSelf } from "./network-view.ts";
import { Pace } from "./pace.ts";
import { Renewal } from "./join/renewal.ts";
import { RouterFleet } from "./routers/router-fleet.ts";
import { Servers } from "./servers.ts";
import { ServiceListeners } from "./routers/service-listeners.ts";
import { SiteWriter } from "./site-writer.ts";
import { conflictCondition, contentKey, StatusWriter } from "./status-writer.ts";
import { TakeOverWriter } from "./policy/take-over-writer.ts";
import { Tokens } from "./join/tokens.ts";
import { type Kind, SITE, watchCaches, type WakeUps } from "./wake-ups.ts";

export interface SiteControllerOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** For people: the pod's name. */
  readonly name: string;
  /** Image of the routers. */
  readonly image: string;
  /** Address that both servers listen on. */
  readonly hostname: string;
  /** Address of this node, for NodePort. */
  readonly nodeHost?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** [7444 and 7445] 0 = any. */
  readonly ports?: { readonly join: number; readonly control: number };
  /** How long routers go on for a Service that leads to them no more, ms [10,000]. */
  readonly drainMs?: number;
  /** How long the EndpointSlices of a silent cluster stay, ms [60,000]. */
  readonly sliceLeaseMs?: number;
  /** How long a cluster that was away has to be back before it is seen in DNS, ms [as the Site says: 5,000]. */
  readonly holdMs?: number;
  /** How long the address of a cluster or pod waits for it when it has gone, ms [60,000]. */
  readonly pinLingerMs?: number;
  /** Timing of the leader election, see LeaderElector. */
  readonly lease?: { readonly leaseMs: number; readonly renewDeadlineMs: number; readonly retryMs: number };
}

/** Another takes over at most this much after a controller died without saying so. */
const LEASE_TIMES = { leaseMs: 8000, renewDeadlineMs: 5000, retryMs: 1500 };
/** News of the network come in bursts; conditions may wait so long, configurations and imports never do. */
const STATUS_DELAY_MS = 50;
/** Nodes need a moment to learn where a Service leads now; kube-proxy writes its rules each second or so. */
const DRAIN_MS = 10_000;
/** Something may be missed or undone by hand while nobody looks. */
const RESYNC_MS = 30_000;
const log = logFor("site");

/**
 * The controller of one site: what the Kubernetes API says becomes the routers' configuration, what the routers see becomes objects.
 *
 *     informers -> Assembler -> ControlServer -> routers -> states -> Discovery, SiteWriter, StatusWriter -> Kubernetes API
 *
 * Every replica serves routers and joiners; only the leader writes to the API, but for AccessGrant.status.redemptions.
 */
export class SiteController {
  readonly #options: SiteControllerOptions;
  readonly #caches: Caches;
  readonly #secrets: NetworkSecrets;
  readonly #assembler: Assembler;
  readonly #servers: Servers;
  readonly #fleet: RouterFleet;
  readonly #book: ListenerBook;
  readonly #discovery: Discovery;
  readonly #takeOvers: TakeOverWriter;
  readonly #site: SiteWriter;
  readonly #statuses: StatusWriter;
  readonly #tokens: Tokens;
  readonly #renewal: Renewal;
  readonly #grants: GrantWriter;
  readonly #loops: LeaderLoops<Kind>;
  readonly #planning: Pace;
  readonly #leader: LeaderElector;
  readonly #inForce = new InForce();
  /** Founding, joining and renewing all replace the identity. */
  readonly #identityLock = new Lock();
  #view: NetworkView | undefined;
  readonly #touched = new Set<string>();
  #statusScheduled = false;
  #synced = false;
  #stopTimer = (): void => {};

  constructor(options: SiteControllerOptions) {
    this.#options = options;
    const { client, namespace, clock, random, hostname, image, nodeHost } = options;
    const caches = new Caches({ client, namespace, clock, random });
    this.#caches = caches;
    this.#secrets = new NetworkSecrets({
      client,
      namespace,
      clock,
      onWritten: () => caches.secrets.refresh(),
    });
    this.#tokens = new Tokens({ client, namespace, clock, secrets: this.#secrets });
    this.#renewal = new Renewal({ secrets: this.#secrets, clock });
    const { drainMs = DRAIN_MS } = options;
    this.#book = new ListenerBook({
      written: new ServiceListeners(caches),
      clock,
      isThere: (service) => {
        const name = service.slice(namespace.length + 1);
        return [name, clustersetName(name)].some((one) => caches.service(one) !== undefined);
      },
      lingerMs: drainMs,
      onOver: () => this.#assembler.changed(),
    });
    const { sliceLeaseMs, holdMs, pinLingerMs } = options;
    this.#discovery = new Discovery({
      client,
      caches,
      clock,
      book: this.#book,
      sliceLeaseMs,
      holdMs,
      pinLingerMs,
      onDue: () => this.#planning.soon(),
    });
    this.#takeOvers = new TakeOverWriter({
      client,
      caches,
      clock,
      book: this.#book,
      listening: (listeners) => this.#fleet.listening(listeners),
      drainMs,
    });
    const view = (): NetworkView | undefined => this.#view;
    this.#site = new SiteWriter({
      client,
      caches,
      clock,
      image,
      nodeHost,
      view,
      routers: (wanted) => this.#fleet.summary(wanted),
      onControl: (material) => {
        this.#servers.update(material);
        void this.#noteControl();
      },
    });
    this.#servers = new Servers({
      hostname,
      joinPort: options.ports?.join ?? JOIN_PORT,
      controlPort: options.ports?.control ?? CONTROL_PORT,
      authority: clusterIssuer({ client, caches, clock, exposure: () => this.#site.exposure("link") }),
      clock,
      onChange: () => this.#routersChanged(),
    });
    this.#fleet = new RouterFleet({ servers: this.#servers, caches });
    this.#assembler = new Assembler({
      caches,
      clock,
      listeners: () => this.#book.all(),
      onConfig: (config, contents) => {
        this.#servers.setConfig(config);
        this.#inForce.update(contents, this.#servers.generation);
      },
      onExports: (names) => {
        for (const name of names) this.#loops.enqueue("export", name);
        this.#planning.now(); // The configuration that is just being made has its listeners then.
      },
    });
    this.#statuses = new StatusWriter({
      client,
      caches,
      clock,
      view,
      verdict: (name) => this.#assembler.verdict(name),
      conflicts: (name) => this.#discovery.conflicts(name),
      entryVerdict: (name) => this.#assembler.entryVerdict(name),
      takeOver: (name) => ({ judged: this.#takeOvers.judge(name), done: this.#takeOvers.done(name) }),
      inForce: (what, whose) => this.#inForce.has(what, this.#fleet.applied(whose ?? "any")),
    });
    this.#grants = new GrantWriter({
      client,
      caches,
      clock,
      secrets: this.#secrets,
      identityLock: this.#identityLock,
      exposure: (port) => this.#site.exposure(port),
    });
    this.#planning = new Pace(clock, () => this.#plan());
    this.#loops = new LeaderLoops<Kind>({ namespace, clock, random, loops: this.#loopDefs() });
    this.#leader = new LeaderElector({
      client,
      namespace,
      name: LEASE,
      identity: options.name,
      onChange: (leading) => this.#leadingChanged(leading),
      clock,
      random,
      ...(options.lease ?? LEASE_TIMES),
    });
  }

  /** Ports of the two servers; undefined while they do not run. */
  get ports(): Servers["ports"] {
    return this.#servers.ports;
  }

  /** What /metrics and /v1/state show of it. */
  stats(): ControllerStats {
    const { sites, links, grants, tokens, policies, exports, imports, services, slices, routerDeployment } =
      this.#caches;
    const informers = [sites, links, grants, tokens, policies, exports, imports, services, slices];
    return {
      synced: this.#synced,
      leading: this.#leader.leading,
      leader: this.#leader.holder,
      routers: this.#servers.routers().length,
      generation: this.#servers.generation,
      loops: this.#loops.stats(),
      caches: [...informers, routerDeployment].map((informer) => ({
        resource: informer.resource,
        stale: informer.stale,
        ...informer.stats(),
      })),
    };
  }

  /** Resolves when all that is watched was read once; that takes as long as the API server is away. */
  async start(): Promise<void> {
    watchCaches(this.#caches, this.#wakeUps());
    this.#caches.start();
    await this.#caches.synced();
    this.#synced = true;
    log.info("Caches are filled", { namespace: this.#options.namespace });
    this.#updateServers();
    this.#assembler.enable();
    this.#leader.start();
    this.#stopTimer = this.#options.clock.every(RESYNC_MS, () => {
      this.#enqueueAll();
      this.#followerTurn();
    });
  }

  /** Gives the lease back and closes the servers; routers go on with what they have. */
  async stop(): Promise<void> {
    this.#stopTimer();
    await this.#leader.stop();
    await this.#loops.stop();
    await this.#servers.stop();
    await this.#caches.stop();
  }

  #loopDefs(): ConstructorParameters<typeof LeaderLoops<Kind>>[0]["loops"] {
    return {
      site: { reconcile: () => this.#site.reconcile(), capMs: 5000 },
      grant: { reconcile: (name) => this.#grants.reconcile(name), capMs: 5000 },
      token: { reconcile: (name) => this.#reconcileToken(name), baseMs: 500 },
      import: { reconcile: (name) => this.#discovery.imports.reconcile(name), concurrency: 16, capMs: 5000 },
      pins: { reconcile: (name) => this.#discovery.pins.reconcile(name), concurrency: 16, capMs: 5000 },
      slices: { reconcile: (name) => this.#discovery.slices.reconcile(name), concurrency: 8, capMs: 5000 },
      takeOver: { reconcile: (name) => this.#takeOvers.reconcile(name), concurrency: 8, capMs: 5000 },
      link: { reconcile: (name) => this.#statuses.link(name), concurrency: 4, capMs: 5000 },
      export: { reconcile: (name) => this.#statuses.export(name), concurrency: 8, capMs: 5000 },
      policy: { reconcile: (name) => this.#statuses.policy(name), capMs: 5000 },
      renewal: { reconcile: () => this.#reconcileRenewal(), baseMs: 5000, capMs: 600_000 },
    };
  }

  #wakeUps(): WakeUps {
    return {
      enqueue: (kind, name) => this.#loops.enqueue(kind, name),
      siteChanged: ({ spec }) => {
        this.#updateServers();
        this.#enqueueSite();
        if (spec) this.#planning.soon();
      },
      replan: (name) => this.#replan(name),
      tokenGone: (token) => this.#tokens.forget(token),
      importGone: (name) => {
        this.#discovery.imports.released(name);
        this.#loops.enqueue("pins", name);
      },
      slicesTouched: (name) => {
        this.#discovery.slices.touched(name);
        this.#planning.soon();
      },
    };
  }

  #updateServers(): void {
    if (!this.#synced) return;
    const site = this.#caches.site();
    const material = site === undefined ? undefined : this.#caches.control(site);
    // While a Site is being deleted the routers still have to be told, so the servers stay.
    if (material !== undefined) this.#servers.update(material);
  }

  /** The Secret isthmus-control was made or made anew here: grants wait for it. */
  async #noteControl(): Promise<void> {
    const site = this.#caches.site();
    if (site === undefined || this.#caches.control(site) !== undefined) return;
    await this.#caches.secrets.refresh();
  }

  #enqueueSite(): void {
    this.#loops.enqueue("site", SITE);
    this.#loops.enqueue("renewal", SITE);
    for (const { metadata } of this.#caches.grants.list()) this.#loops.enqueue("grant", metadata.name);
    for (const { metadata } of this.#caches.tokens.list()) this.#loops.enqueue("token", metadata.name);
    this.#scheduleStatus();
  }

  #enqueueAll(): void {
    this.#enqueueSite();
    this.#planning.soon();
    for (const { metadata } of this.#caches.exports.list()) this.#loops.enqueue("export", metadata.name);
  }

  #routersChanged(): void {
    this.#view = mergeStates(this.#servers.routers().flatMap(({ state }) => state ?? []));
    this.#planning.soon();
    this.#scheduleStatus();
  }

  /** A service that somebody touched is looked at again, by the next plan, whether or not that is another. */
  #replan(name: string): void {
    this.#touched.add(name);
    this.#planning.soon();
  }

  #plan(): void {
    if (!this.#synced || !this.#loops.running) return;
    // A Site that was deleted plans nothing any more, but Services of the user are put back.
    const site = this.#caches.site();
    if (site !== undefined) {
      const discovery = this.#discovery;
      discovery.plan(this.#sites(site));
      // Those of whole services first: there may not be ports for all.
      this.#book.allocate([
        ...discovery.imports.wanted(),
        ...this.#takeOvers.wanted(),
        ...discovery.pins.wanted(),
      ]);
      this.#assembler.changed();
      const { imports, pins, slices } = discovery.writes();
      for (const name of new Set([...imports, ...this.#touched])) this.#loops.enqueue("import", name);
      // One that was made while its import went has to go too.
      for (const name of new Set([...pins, ...this.#touched])) this.#loops.enqueue("pins", name);
      for (const name of slices) this.#loops.enqueue("slices", name);
    }
    this.#touched.clear();
    this.#enqueueConflicts();
    for (const name of this.#takeOvers.toWrite()) this.#loops.enqueue("takeOver", name);
  }

  /** Exports whose condition does not say yet in what the exporters differ. */
  #enqueueConflicts(): void {
    for (const { metadata, status } of this.#caches.exports.list()) {
      const [wanted] = conflictCondition(this.#discovery.conflicts(metadata.name), undefined);
      if (wanted === undefined || this.#assembler.verdict(metadata.name)?.valid !== true) continue;
      const known = conditionOf(status?.conditions, "Conflict");
      if (known?.reason !== wanted.reason || known.message !== wanted.message)
        this.#loops.enqueue("export", metadata.name);
    }
  }

  #sites(site: Site): SiteState[] | undefined {
    const { namespace } = this.#caches;
    const ids = [this.#caches.identity(site)?.siteId ?? fallbackIdOf(site), fallbackIdOf(site)] as const;
    return withSelf(this.#view, {
      ids,
      name: siteNameOf(site),
      namespace,
      exports: this.#assembler.exports(),
    });
  }

  #scheduleStatus(): void {
    if (this.#statusScheduled) return;
    this.#statusScheduled = true;
    this.#options.clock.after(STATUS_DELAY_MS, () => {
      this.#statusScheduled = false;
      this.#loops.enqueue("site", SITE);
      for (const { metadata } of this.#caches.links.list()) this.#loops.enqueue("link", metadata.name);
      for (const { metadata } of this.#caches.policies.list()) this.#loops.enqueue("policy", metadata.name);
      // Exports whose condition does not say yet what the routers have taken up.
      const applied = this.#fleet.applied("any");
      for (const { metadata, status } of this.#caches.exports.list()) {
        const inForce = this.#inForce.has(contentKey.export(metadata.name), applied);
        if (isTrue(status?.conditions, "Ready") !== inForce) this.#loops.enqueue("export", metadata.name);
      }
    });
  }

  #leadingChanged(leading: boolean): void {
    if (leading) {
      this.#loops.start();
      this.#enqueueAll();
      return;
    }
    this.#book.clear();
    this.#discovery.reset();
    this.#takeOvers.reset();
    void this.#loops.stop();
  }

  /** The leader has to hear all routers; those that found another replica are sent on until they find it. */
  #followerTurn(): void {
    if (this.#leader.leading || this.#leader.holder === undefined) return;
    this.#servers.sendAway("Another replica of the controller leads");
  }

  async #reconcileToken(name: string): Promise<ReconcileResult> {
    const { namespace } = this.#caches;
    const token = this.#caches.tokens.get(namespace, name);
    if (token === undefined) return {};
    const result = await this.#identityLock.run(() => this.#tokens.reconcile(token, this.#caches.site()));
    // A grant may have waited for it.
    if (conditionOf(token.status?.conditions, "Redeemed")?.status !== "True") {
      for (const { metadata } of this.#caches.grants.list()) this.#loops.enqueue("grant", metadata.name);
    }
    return result;
  }

  async #reconcileRenewal(): Promise<ReconcileResult> {
    const site = this.#caches.site();
    return site === undefined ? {} : await this.#identityLock.run(() => this.#renewal.reconcile(site));
  }
}

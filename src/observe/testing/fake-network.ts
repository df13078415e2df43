import {
  DURATION_BOUNDS_MS,
  type FlowRecord,
  type Observation,
  type RouterEvent,
  type TrafficRow,
} from "#router/observe/observation.ts";
import type { LinkState, PolicyState, RouterState } from "#router/state.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { RouterAnswer, RouterSource } from "../source.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface FakeRequest {
  readonly service: string;
  readonly port?: number;
  readonly protocol?: TrafficRow["protocol"];
  /** Site and pod that serve it; absent: nobody does. */
  readonly to?: readonly [site: string, pod: string];
  readonly status?: number;
  readonly durationMs?: number;
  readonly bytes?: number;
  readonly failed?: boolean;
  /** So many of the same [1]. */
  readonly times?: number;
  readonly client?: string;
  readonly path?: string;
}

/** A router as an observer sees it: counts, records and events in memory, told as `/v1/observe` tells them. For tests. */
export class FakeRouter {
  siteId: string;
  readonly id: string;
  links: LinkState[] = [];
  policies: PolicyState[] = [];
  listeners: { service: string; port: number }[] = [];
  linkBytes = new Map<string, { bytesIn: number; bytesOut: number; streams: number }>();
  /** Does not answer. */
  silent = false;
  /** Flows in one answer. */
  mostFlows = 1000;
  asked: string[] = [];
  readonly #network: FakeNetwork;
  readonly #born: string;
  #epoch = 1;
  #rows = new Map<string, { row: Writable<TrafficRow>; version: number }>();
  #flows: FlowRecord[] = [];
  #flowSeq = 0;
  #firstFlow = 1;
  #events: RouterEvent[] = [];
  #version = 0;
  #stateVersion = 1;
  #startedMs: number;

  constructor(network: FakeNetwork, { siteId, id }: { siteId: string; id: string }) {
    this.#network = network;
    this.siteId = siteId;
    this.id = id;
    this.#born = `${siteId}-${id}`;
    this.#startedMs = network.clock.now();
  }

  /** Another life: all counts begin anew. */
  restart(): void {
    this.#epoch++;
    this.#rows = new Map();
    this.#flows = [];
    this.#flowSeq = 0;
    this.#firstFlow = 1;
    this.#events = [];
    this.#version = 0;
    this.#startedMs = this.#network.clock.now();
  }

  changed(): void {
    this.#stateVersion++;
  }

  /** What this router counted of a service, over all rows of its present life. */
  total(service: string): number {
    let total = 0;
    for (const { row } of this.#rows.values()) if (row.service === service) total += row.total;
    return total;
  }

  request(request: FakeRequest): void {
    const {
      service,
      port = 8080,
      protocol = "http",
      to,
      status = 200,
      durationMs = 1,
      bytes = 100,
    } = request;
    const { failed = false, times = 1, client = "10.0.0.1", path = "/" } = request;
    const site = to === undefined ? undefined : this.#network.siteNamed(to[0]);
    const endpoint = site === undefined || to === undefined ? "" : `${site.id}/${to[1]}`;
    const row = this.#row({
      service,
      port,
      protocol,
      endpoint,
      siteId: site?.id ?? "",
      site: site?.name ?? "",
      pod: to?.[1] ?? "",
    });
    row.total += times;
    const codes = row.codes as number[];
    const bucket = DURATION_BOUNDS_MS.findIndex((bound) => durationMs <= bound);
    const durations = row.durations as number[];
    const at = bucket < 0 ? DURATION_BOUNDS_MS.length : bucket;
    durations[at] = (durations[at] ?? 0) + times;
    if (protocol !== "tcp") {
      const kind = Math.floor(status / 100) - 1;
      codes[kind] = (codes[kind] ?? 0) + times;
    }
    if (failed) row.failures += times;
    row.bytesToClient += bytes * times;
    for (let i = 0; i < times; i++) {
      this.#flows.push({
        seq: ++this.#flowSeq,
        protocol,
        startedMs: this.#network.clock.now() - durationMs,
        durationMs,
        service,
        port,
        client,
        destinationSiteId: site?.id ?? "",
        destinationSite: site?.name ?? "",
        path: site === undefined ? [] : [this.siteId, site.id],
        endpoint,
        endpointName: to?.[1] ?? "",
        bytesToEndpoint: 0,
        bytesToClient: bytes,
        attempts: 1,
        outcome: failed || status >= 500 ? "error" : "ok",
        ...(failed ? { reason: "refused" } : {}),
        why: "Endpoints, RoundRobin",
        ...(protocol === "tcp" ? {} : { http: { method: "GET", host: "app", path, status } }),
      });
    }
  }

  /** Only the newest are held. */
  dropFlows(keep: number): void {
    const dropped = Math.max(0, this.#flows.length - keep);
    this.#flows = this.#flows.slice(dropped);
    this.#firstFlow += dropped;
  }

  event(event: Omit<RouterEvent, "seq" | "atMs">): void {
    this.#events.push({ seq: this.#events.length + 1, atMs: this.#network.clock.now(), ...event });
  }

  observe(query: URLSearchParams): Observation {
    const { clock } = this.#network;
    const epoch = `${this.#born}-${this.#epoch}`;
    const same = query.get("epoch") === epoch;
    const cursor = (name: string): number => (same ? Number(query.get(name) ?? 0) : 0);
    const flows = this.#flows.filter(({ seq }) => seq > cursor("flows")).slice(0, this.mostFlows);
    const lastFlow = flows.at(-1)?.seq ?? Math.max(cursor("flows"), this.#flowSeq);
    const site = this.#network.site(this.siteId);
    return {
      router: {
        id: this.id,
        siteId: this.siteId,
        siteName: site?.name ?? "",
        namespace: "shop",
        version: "test",
        startedMs: this.#startedMs,
        memoryBytes: 50_000_000,
        cpuSeconds: 1,
      },
      atMs: clock.now(),
      ...(cursor("state") === this.#stateVersion ? {} : { state: this.state() }),
      links: this.links.map(({ name, direction, remoteSiteId }) => ({
        name,
        remoteSiteId,
        remoteRouterId: "",
        direction,
        bufferedBytes: 0,
        ...(this.linkBytes.get(name) ?? { bytesIn: 0, bytesOut: 0, streams: 0 }),
      })),
      traffic: [...this.#rows.values()]
        .filter(({ version }) => version > cursor("traffic"))
        .map(({ row }) => structuredClone(row)),
      flows,
      flowsLost: same ? Math.max(0, this.#firstFlow - cursor("flows") - 1) : 0,
      flowsUnsampled: 0,
      events: this.#events.filter(({ seq }) => seq > cursor("events")),
      eventsLost: 0,
      next: {
        epoch,
        flows: lastFlow,
        events: this.#events.length,
        traffic: this.#version,
        state: this.#stateVersion,
      },
      more: lastFlow < this.#flowSeq,
    };
  }

  state(): RouterState {
    const { sites } = this.#network;
    return {
      routerId: this.id,
      links: this.links,
      sites: [...sites].toSorted((a, b) => Number(b.id === this.siteId) - Number(a.id === this.siteId)),
      listeners: this.listeners.map((one) => ({ ...one, listen: "127.0.0.1:1", state: "open" })),
      policies: this.policies,
      problems: [],
    };
  }

  #row(key: {
    service: string;
    port: number;
    protocol: TrafficRow["protocol"];
    endpoint: string;
    siteId: string;
    site: string;
    pod: string;
  }): Writable<TrafficRow> {
    const name = JSON.stringify(key);
    let held = this.#rows.get(name);
    if (held === undefined) {
      const row: Writable<TrafficRow> = {
        service: key.service,
        port: key.port,
        protocol: key.protocol,
        destinationSiteId: key.siteId,
        destinationSite: key.site,
        endpoint: key.endpoint,
        endpointName: key.pod,
        total: 0,
        active: 0,
        codes: key.protocol === "tcp" ? [] : [0, 0, 0, 0, 0],
        failures: 0,
        retries: 0,
        bytesToEndpoint: 0,
        bytesToClient: 0,
        durations: Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0),
        durationSumMs: 0,
      };
      held = { row, version: 0 };
      this.#rows.set(name, held);
    }
    held.version = ++this.#version;
    return held.row;
  }
}

type FakeSite = RouterState["sites"][number];

/** Sites that know of each other, with a router each, and the source of an observer that stands at the first. For tests. */
export class FakeNetwork implements RouterSource {
  readonly clock: Clock;
  readonly all = new Map<string, FakeRouter>();
  #sites: FakeSite[] = [];

  constructor(clock: Clock, names: readonly string[] = ["c1", "c2"]) {
    this.clock = clock;
    this.#sites = names.map((name) => ({
      id: `id-${name}`,
      name,
      namespace: "shop",
      version: "test",
      reachable: true,
      cost: 1,
      links: [],
      services: [],
    }));
    for (const { id: siteId } of this.#sites) this.add({ siteId, id: "router-0" });
  }

  get sites(): readonly FakeSite[] {
    return this.#sites;
  }

  add({ siteId, id }: { siteId: string; id: string }): FakeRouter {
    const router = new FakeRouter(this, { siteId, id });
    this.all.set(`${siteId}/${id}`, router);
    return router;
  }

  /** The first router of a site, by the site's name. */
  router(name: string, id = "router-0"): FakeRouter {
    const found = this.all.get(`id-${name}/${id}`);
    if (found === undefined) throw new Error(`No router of ${name}`);
    return found;
  }

  site(id: string): FakeSite | undefined {
    return this.#sites.find((site) => site.id === id);
  }

  siteNamed(name: string): FakeSite {
    const site = this.#sites.find((one) => one.name === name);
    if (site === undefined) throw new Error(`No site ${name}`);
    return site;
  }

  /** What a site offers, with its pods and whether each is ready; every site has a listener for it. */
  offer(
    name: string,
    {
      service,
      port = 8080,
      pods,
    }: { service: string; port?: number; pods: Readonly<Record<string, boolean>> },
  ): void {
    const offered = {
      service,
      ports: [{ port, protocol: "TCP", appProtocol: "http" }],
      endpoints: Object.entries(pods).map(([pod, ready]) => ({ id: pod, name: pod, ready, weight: 1 })),
    };
    this.change(name, (site) => ({
      ...site,
      services: [...site.services.filter((one) => one.service !== service), offered],
    }));
    for (const router of this.all.values())
      if (!router.listeners.some((one) => one.service === service && one.port === port))
        router.listeners.push({ service, port });
  }

  /** Changes what all routers know of a site. */
  change(name: string, change: (site: FakeSite) => FakeSite): void {
    this.#sites = this.#sites.map((site) => (site.name === name ? change(site) : site));
    for (const router of this.all.values()) router.changed();
  }

  /** A site that gets another id, as one that is founded does; its routers live on. */
  rename(name: string, id: string): void {
    const before = this.siteNamed(name).id;
    this.change(name, (site) => ({ ...site, id }));
    for (const router of this.all.values()) if (router.siteId === before) router.siteId = id;
  }

  remove(name: string): void {
    this.#sites = this.#sites.filter((site) => site.name !== name);
    for (const router of this.all.values()) router.changed();
  }

  /** A link from one site to another, up at both ends. */
  link(from: string, to: string, name = `to-${to}`): void {
    const [a, b] = [this.siteNamed(from), this.siteNamed(to)];
    const common = { name, cost: 1, rttMs: 2, lanes: 2, state: "up" } as const;
    const [dialler, acceptor] = [this.router(from), this.router(to)];
    dialler.links.push({ ...common, direction: "dialled", remoteSiteId: b.id, remoteSiteName: to });
    acceptor.links.push({ ...common, direction: "accepted", remoteSiteId: a.id, remoteSiteName: from });
    dialler.changed();
    acceptor.changed();
  }

  routers(): Promise<readonly string[]> {
    const self = this.#sites[0]?.id;
    return Promise.resolve(
      [...this.all.values()].filter(({ siteId }) => siteId === self).map(({ id }) => id),
    );
  }

  get(
    path: string,
    { router: asked, signal }: { signal: AbortSignal; router?: string },
  ): Promise<RouterAnswer> {
    signal.throwIfAborted();
    const url = new URL(path, "http://router");
    const [, remote, rest] = /^\/v1\/sites\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    const self = this.#sites[0]?.id ?? "";
    const siteId = remote ?? self;
    const wanted = asked ?? url.searchParams.get("router");
    const candidates = [...this.all.values()].filter(
      (one) => one.siteId === siteId && (wanted === null || one.id === wanted) && !one.silent,
    );
    const router = candidates[0];
    const reachable = siteId === self || this.site(siteId)?.reachable === true;
    if (router === undefined || !reachable)
      return Promise.reject(new IsthmusError("UNREACHABLE", `No router of ${siteId} answers`));
    router.asked.push(path);
    const what = rest ?? url.pathname;
    if (what === "/v1/observe")
      return Promise.resolve({
        status: 200,
        value: JSON.parse(JSON.stringify(router.observe(url.searchParams))),
      });
    if (what === "/v1/explain") {
      const service = url.searchParams.get("service") ?? "";
      const policy = { mode: "Failover", spread: "Endpoints", algorithm: "RoundRobin" };
      const known = router.listeners.some((one) => one.service === service);
      return Promise.resolve(
        known ? { status: 200, value: { service, policy } } : { status: 404, value: "" },
      );
    }
    return Promise.resolve({ status: 404, value: "Not found" });
  }
}

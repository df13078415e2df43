import type {
  ActivityItem,
  Control,
  FlowFilter,
  FlowView,
  HistoryView,
  LinkEdge,
  Load,
  NetworkView,
  PodRow,
  ServiceExplanation,
  ServiceRow,
  ServiceView,
  SiteNode,
  SiteView,
} from "#observe/views.ts";

/** A network that never was, the same each time: what it shows depends on its size, on the time asked for, and on what was done to it. */
export interface WorldSize {
  readonly sites: number;
  readonly services: number;
  readonly podsPerService: number;
}

interface GeneratedPod {
  readonly name: string;
  readonly site: number;
  readonly base: number;
  readonly phase: number;
}

interface GeneratedService {
  readonly key: string;
  readonly protocol: "http" | "grpc" | "tcp";
  readonly port: number;
  readonly mode: string;
  readonly pods: GeneratedPod[];
  readonly failing: boolean;
}

const NAMES = ["app", "catalog", "checkout", "orders", "payments", "search", "sessions", "web"];
const PROTOCOLS = ["http", "http", "grpc", "tcp"] as const;
const MODES = ["Balanced", "Failover", "Weighted", "Local"];
const METHODS = ["GET", "GET", "GET", "POST", "PUT"];

export class GeneratedWorld {
  readonly size: WorldSize;
  readonly startMs: number;
  readonly #services: GeneratedService[];
  readonly #cut = new Map<string, number>();
  readonly #down = new Set<string>();
  readonly #load = new Map<string, number>();
  readonly #activity: ActivityItem[] = [];
  #flowId = 0;

  constructor(size: WorldSize, startMs: number) {
    this.size = size;
    this.startMs = startMs;
    this.#services = Array.from({ length: size.services }, (_, index) => this.#service(index));
    const past = startMs - 1_800_000;
    this.#note(past, { kind: "SiteJoined", message: "c3 joined the network", site: "c3", siteId: siteId(2) });
    this.#note(past + 60_000, {
      kind: "ServiceAppeared",
      message: "interconnect/app appeared",
      service: "interconnect/app",
    });
    this.#note(startMs - 420_000, {
      kind: "Failover",
      severity: "warning",
      message: "interconnect/catalog: c3 serves, since c2 has 0 % of its pods healthy",
      service: "interconnect/catalog",
      site: "c2",
      siteId: siteId(1),
    });
    this.#note(startMs - 290_000, {
      kind: "Failback",
      message: "interconnect/catalog: c2 serves again",
      service: "interconnect/catalog",
      site: "c2",
      siteId: siteId(1),
    });
    this.#note(startMs - 120_000, {
      kind: "EndpointEjected",
      severity: "warning",
      message: "interconnect/app: app-c3-1 is left out for 30 s after 5 failures in a row",
      service: "interconnect/app",
      site: "c3",
      siteId: siteId(2),
    });
  }

  get serviceKeys(): string[] {
    return this.#services.map(({ key }) => key);
  }

  network(atMs: number): NetworkView {
    const links = this.#links(atMs);
    const reached = this.#reached(links);
    const pairs = new Map<string, number>();
    for (const service of this.#services) {
      const from = siteId(this.#clientOf(service));
      for (const pod of service.pods) {
        const pair = `${from} ${siteId(pod.site)}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + this.#rps(service, pod, atMs));
      }
    }
    const ids = Array.from({ length: this.size.sites }, (_, index) => index);
    return {
      atMs,
      sites: ids.map((index) => this.#site(index, { atMs, reached: reached.has(index) })),
      links,
      traffic: [...pairs].map(([pair, rps]) => {
        const [from = "", to = ""] = pair.split(" ");
        return { from, to, rps, bytesPerSecond: rps * 2300 };
      }),
    };
  }

  row(key: string, atMs: number): ServiceRow | undefined {
    const service = this.#services.find((candidate) => candidate.key === key);
    return service === undefined ? undefined : this.#row(service, atMs);
  }

  rows(atMs: number): ServiceRow[] {
    return this.#services.map((service) => this.#row(service, atMs));
  }

  service(key: string, atMs: number): ServiceView | undefined {
    const service = this.#services.find((candidate) => candidate.key === key);
    if (service === undefined) return undefined;
    const row = this.#row(service, atMs);
    const client = this.#clientOf(service);
    const wanted = 100 / Math.max(1, row.podsReady);
    return {
      atMs,
      row,
      port: service.port,
      pods: service.pods.map((pod, index): PodRow => {
        const rps = this.#rps(service, pod, atMs);
        const ready = !this.#down.has(pod.name);
        return {
          endpoint: `${siteId(pod.site)}/e${index}`,
          name: pod.name,
          site: siteName(pod.site),
          siteId: siteId(pod.site),
          ready,
          load: this.#loadOf(service, rps, atMs),
          sharePercent: row.load.rps === 0 ? 0 : (rps / row.load.rps) * 100,
          ...(ready ? { wantedPercent: wanted } : {}),
          total: Math.round(pod.base * ((atMs - this.startMs) / 1000 + 3600)),
        };
      }),
      clients: [
        {
          site: siteName(client),
          siteId: siteId(client),
          load: row.load,
          mode: service.mode,
          spread: "Even",
          algorithm: "LeastLoad",
        },
      ],
    };
  }

  history(key: string, range: { fromMs: number; toMs: number; stepMs: number }): HistoryView | undefined {
    const service = this.#services.find((candidate) => candidate.key === key);
    if (service === undefined) return undefined;
    const { stepMs } = range;
    const from = Math.ceil(range.fromMs / stepMs) * stepMs;
    const timesMs = Array.from({ length: Math.max(0, Math.floor((range.toMs - from) / stepMs)) }, (_, i) => {
      return from + i * stepMs;
    });
    const gap = { fromMs: this.startMs - 200_000, toMs: this.startMs - 170_000 };
    const column = (value: (ms: number) => number): (number | null)[] =>
      timesMs.map((ms) => (ms >= gap.fromMs && ms < gap.toMs ? null : value(ms)));
    const busiest = service.pods.slice(0, 20);
    return {
      service: key,
      stepMs,
      timesMs,
      pods: busiest.map((pod) => ({
        name: pod.name,
        site: siteName(pod.site),
        rps: column((ms) => this.#rps(service, pod, ms)),
      })),
      errors: column((ms) => (hash(`${key}/${Math.floor(ms / 20_000)}`) < 0.12 ? 1.5 * hash(`${ms}`) : 0)),
      p50Ms: column((ms) => this.#latency(service, ms)),
      p95Ms: column((ms) => this.#latency(service, ms) * 2.6),
      p99Ms: column((ms) => this.#latency(service, ms) * 4.4),
      events: this.#activity.filter((item) => item.service === key && item.atMs >= from),
      gaps: [gap].filter(({ toMs }) => toMs > from),
    };
  }

  explain(key: string, atMs: number): ServiceExplanation | undefined {
    const view = this.service(key, atMs);
    if (view === undefined) return undefined;
    const { row } = view;
    const mode = view.clients[0]?.mode ?? "Balanced";
    return {
      service: key,
      port: view.port,
      protocol: row.protocol,
      policy: {
        mode,
        spread: "Even",
        algorithm: "LeastLoad",
        failover: { minHealthyPercent: 70, rampMs: 10_000, failback: "Gradual" },
        retries: { attempts: 2, budgetPercent: 20 },
        timeouts: { connectMs: 2000, requestMs: 30_000, idleMs: 300_000, httpIdleMs: 60_000 },
        outlier: {
          enabled: true,
          consecutiveFailures: 5,
          serverErrors: false,
          baseEjectionMs: 30_000,
          maxEjectionMs: 300_000,
          maxEjectedPercent: 50,
        },
      },
      tiers: [
        {
          tier: 0,
          clusters: row.sites,
          healthyPercent: row.pods === 0 ? 0 : (row.podsReady / row.pods) * 100,
          sharePercent: 100,
          why: `${mode}: all clusters serve, in shares by their ready pods`,
        },
      ],
      clusters: row.shares.map(({ site, wantedPercent = 0 }) => ({
        cluster: site,
        siteId: siteId(indexOf(site)),
        local: site === "c1",
        tier: 0,
        cost: site === "c1" ? 0 : 1,
        sharePercent: wantedPercent,
        readyEndpoints: view.pods.filter((pod) => pod.site === site && pod.ready).length,
        endpoints: view.pods.filter((pod) => pod.site === site).length,
      })),
      endpoints: view.pods.map((pod) => ({
        endpoint: pod.endpoint,
        name: pod.name,
        cluster: pod.site,
        tier: 0,
        state: pod.ready ? "in" : "out",
        ...(pod.ready ? {} : { why: "not ready in its cluster" }),
        sharePercent: pod.wantedPercent ?? 0,
        weight: 1,
        inFlight: Math.round(pod.load.active),
        picked: pod.total,
        latencyMs: pod.load.p50Ms ?? 1,
      })),
      unknownTargets: [],
      sample: {
        endpoint: view.pods[0]?.endpoint ?? "",
        steps: [
          `tier 0 has ${row.podsReady} of ${row.pods} endpoints ready: it takes all`,
          "two endpoints drawn: the one with less in flight and the lower latency is taken",
        ],
      },
    };
  }

  /** So many flows that ended up to `atMs`, oldest first. */
  flows(count: number, atMs: number): FlowView[] {
    const busy = this.#services.filter(({ pods }) => pods.length > 0);
    return Array.from({ length: count }, (_, index) => {
      const id = ++this.#flowId;
      const draw = (what: string): number => hash(`${id}/${what}`);
      const service = busy[Math.floor(draw("service") ** 2 * busy.length)] ?? busy[0];
      const pod = service?.pods[Math.floor(draw("pod") * service.pods.length)];
      if (service === undefined || pod === undefined)
        throw new Error("A world without services has no flows");
      const durationMs = this.#latency(service, atMs) * (0.4 + draw("ms") * 3);
      const failed = draw("failed") < 0.03;
      const client = this.#clientOf(service);
      const status = failed ? 503 : draw("status") < 0.06 ? 404 : 200;
      const http = {
        method:
          service.protocol === "grpc"
            ? "POST"
            : (METHODS[Math.floor(draw("method") * METHODS.length)] ?? "GET"),
        host: `${nameOf(service.key)}.interconnect`,
        path: service.protocol === "grpc" ? "/shop.Checkout/Pay" : `/${nameOf(service.key)}/${id % 97}`,
        status: service.protocol === "grpc" ? 200 : status,
        ...(service.protocol === "grpc" ? { grpcStatus: failed ? 14 : 0 } : {}),
      };
      return {
        id,
        seq: id,
        protocol: service.protocol,
        startedMs: atMs - (count - index) * 12 - durationMs,
        durationMs,
        service: service.key,
        port: service.port,
        client: `10.244.0.${1 + Math.floor(draw("client") * 12)}`,
        destinationSiteId: siteId(pod.site),
        destinationSite: siteName(pod.site),
        path: pod.site === client ? [siteId(client)] : [siteId(client), siteId(pod.site)],
        endpoint: `${siteId(pod.site)}/${pod.name}`,
        endpointName: pod.name,
        bytesToEndpoint: 120 + Math.floor(draw("up") * 900),
        bytesToClient: 300 + Math.floor(draw("down") * 24_000),
        attempts: failed ? 3 : 1,
        outcome: failed ? "error" : "ok",
        ...(failed ? { reason: "connect refused" } : {}),
        why: `${service.mode}, LeastLoad, tier 0`,
        ...(service.protocol === "tcp" ? {} : { http }),
        sourceSiteId: siteId(client),
        sourceSite: siteName(client),
        router: `r-${siteName(client)}-1`,
      };
    });
  }

  site(id: string, atMs: number): SiteView | undefined {
    const network = this.network(atMs);
    const site = network.sites.find((candidate) => candidate.id === id || candidate.name === id);
    if (site === undefined) return undefined;
    return {
      atMs,
      site,
      links: network.links.filter(({ from, to }) => from === site.id || to === site.id),
      checks: [
        {
          category: "Cluster",
          checks: [
            { name: "the API server answers", result: "ok", message: "v1.32.0, in 3 ms" },
            { name: "rights in the namespace", result: "ok" },
          ],
        },
        {
          category: "Links",
          checks: network.links
            .filter(({ from, to }) => from === site.id || to === site.id)
            .map(({ name, state, error }) => ({
              name: `link ${name} is up`,
              result: state === "up" ? ("ok" as const) : ("failed" as const),
              ...(error === undefined
                ? {}
                : { message: error, hint: `isthmus link status ${name} -n interconnect` }),
            })),
        },
        {
          category: "Certificates",
          checks: [
            { name: "the site's certificate", result: "ok", message: "ends in 29 days" },
            { name: "DNS for clusterset.local", result: "skipped", message: "isthmus-dns is not installed" },
          ],
        },
      ],
      services: this.#services
        .map((service) => ({ service, pods: service.pods.filter((pod) => siteId(pod.site) === site.id) }))
        .filter(({ pods }) => pods.length > 0)
        .map(({ service, pods }) => ({
          service: service.key,
          podsReady: pods.filter(({ name }) => !this.#down.has(name)).length,
          pods: pods.length,
        })),
    };
  }

  /** Newest first. */
  activity(): readonly ActivityItem[] {
    return this.#activity.toReversed();
  }

  control(control: Control, atMs: number): string {
    switch (control.do) {
      case "cut-link":
        this.#cut.set(control.link, atMs);
        this.#note(atMs, {
          kind: "LinkDown",
          severity: "error",
          message: `link ${control.link} is down: cut by hand`,
        });
        return `Link ${control.link} is cut`;
      case "restore-link":
        this.#cut.delete(control.link);
        this.#note(atMs, { kind: "LinkUp", message: `link ${control.link} is up` });
        return `Link ${control.link} is restored`;
      case "kill-pod":
      case "stop-pod":
        this.#down.add(control.pod);
        return `Pod ${control.pod} is ${control.do === "kill-pod" ? "killed" : "stopped"}`;
      case "scale":
        return `${control.service} has ${control.replicas} pods at ${control.site}`;
      default:
        this.#load.set(control.service, control.rps);
        return control.rps === 0
          ? `No more load on ${control.service}`
          : `${control.rps} requests per second to ${control.service}`;
    }
  }

  #note(atMs: number, item: Partial<ActivityItem> & Pick<ActivityItem, "kind" | "message">): void {
    this.#activity.push({ id: this.#activity.length + 1, atMs, severity: "info", ...item });
  }

  #service(index: number): GeneratedService {
    const base = NAMES[index % NAMES.length] ?? "app";
    const name = index < NAMES.length ? base : `${base}-${Math.floor(index / NAMES.length)}`;
    const idle = index % 8 === 6;
    const count = index % 8 === 4 ? 0 : this.size.podsPerService;
    return {
      key: `interconnect/${name}`,
      protocol: PROTOCOLS[index % PROTOCOLS.length] ?? "http",
      port: 8080 + (index % 4),
      mode: MODES[index % MODES.length] ?? "Balanced",
      failing: index % 8 === 2,
      pods: Array.from({ length: count }, (_, pod) => {
        const site = 1 + ((index + pod) % (this.size.sites - 1));
        return {
          name: `${name}-${siteName(site)}-${pod}`,
          site,
          base: idle ? 0 : 4 + hash(`${name}/base`) * 90,
          phase: hash(`${name}/${pod}`) * 6,
        };
      }),
    };
  }

  #row(service: GeneratedService, atMs: number): ServiceRow {
    const rps = service.pods.reduce((sum, pod) => sum + this.#rps(service, pod, atMs), 0);
    const ready = service.pods.filter(({ name }) => !this.#down.has(name));
    const sites = [...new Set(service.pods.map(({ site }) => site))].toSorted((a, b) => a - b);
    return {
      service: service.key,
      protocol: service.protocol,
      ports: [service.port],
      load: this.#loadOf(service, rps, atMs),
      podsReady: ready.length,
      pods: service.pods.length,
      sites: sites.map(siteName),
      shares: sites.map((site) => {
        const part = service.pods
          .filter((pod) => pod.site === site)
          .reduce((sum, pod) => sum + this.#rps(service, pod, atMs), 0);
        const wanted = ready.filter((pod) => pod.site === site).length / Math.max(1, ready.length);
        return {
          site: siteName(site),
          percent: rps === 0 ? 0 : (part / rps) * 100,
          wantedPercent: wanted * 100,
        };
      }),
      state: ready.length === 0 ? "down" : rps === 0 ? "idle" : service.failing ? "failover" : "ok",
    };
  }

  #loadOf(service: GeneratedService, rps: number, atMs: number): Load {
    if (rps === 0) return { rps: 0, bytesPerSecond: 0, active: 0 };
    const p50 = this.#latency(service, atMs);
    const errors = service.failing ? 1.4 * hash(`${service.key}/${Math.floor(atMs / 1000)}`) : 0;
    return {
      rps,
      successPercent: 100 - errors,
      p50Ms: p50,
      p95Ms: p50 * 2.6,
      p99Ms: p50 * 4.4,
      bytesPerSecond: rps * 2300,
      active: Math.round((rps * p50) / 1000),
    };
  }

  #rps(service: GeneratedService, pod: GeneratedPod, atMs: number): number {
    if (pod.base === 0 || this.#down.has(pod.name)) return 0;
    const wave =
      1 + 0.35 * Math.sin(atMs / 47_000 + service.port) + 0.06 * Math.sin(atMs / 3_100 + pod.phase);
    const added = (this.#load.get(service.key) ?? 0) / Math.max(1, service.pods.length);
    return Math.round((pod.base * wave + added) * 10) / 10;
  }

  #latency(service: GeneratedService, atMs: number): number {
    return (0.8 + hash(service.key) * 9) * (1 + 0.2 * Math.sin(atMs / 9_000 + service.port));
  }

  #clientOf(service: GeneratedService): number {
    return Math.floor(hash(`${service.key}/client`) * Math.min(2, this.size.sites));
  }

  /** A hub (c1) to which the others dial, and a chord between each even one and the next. */
  #links(atMs: number): LinkEdge[] {
    const edges: LinkEdge[] = [];
    const edge = (from: number, to: number, cost: number): void => {
      const name = `${siteName(from)}-${siteName(to)}`;
      const id = `${siteId(from)}/${name}`;
      const cutMs = this.#cut.get(id);
      const wave = 1 + 0.4 * Math.sin(atMs / 5_000 + from);
      const up = cutMs === undefined;
      edges.push({
        id,
        name,
        from: siteId(from),
        to: siteId(to),
        cost,
        rttMs: up ? 0.3 + from * 2.1 + 0.1 * wave : 0,
        lanes: up ? 2 : 0,
        state: up ? "up" : "down",
        sinceMs: cutMs ?? this.startMs - 3_600_000,
        ...(up ? {} : { error: "connection refused" }),
        streams: up ? 8 + from : 0,
        bytesForth: up ? 38_000 * wave * (from + 1) : 0,
        bytesBack: up ? 560_000 * wave * (from + 1) : 0,
      });
    };
    for (let site = 1; site < this.size.sites; site++) {
      edge(site, site > 4 ? ((site - 1) % 4) + 1 : 0, site);
      if (site % 2 === 1 && site + 1 < this.size.sites && site < 4) edge(site, site + 1, 4);
    }
    return edges;
  }

  #reached(links: readonly LinkEdge[]): Set<number> {
    const reached = new Set([0]);
    for (let round = 0; round < this.size.sites; round++) {
      for (const { from, to, state } of links) {
        if (state !== "up") continue;
        const [a, b] = [indexOf(from.slice(5)), indexOf(to.slice(5))];
        if (reached.has(a)) reached.add(b);
        if (reached.has(b)) reached.add(a);
      }
    }
    return reached;
  }

  #site(index: number, options: { atMs: number; reached: boolean }): SiteNode {
    const { atMs, reached } = options;
    const here = this.#services.filter(({ pods }) => pods.some((pod) => pod.site === index));
    const pods = here.flatMap((service) => service.pods.filter((pod) => pod.site === index));
    return {
      id: siteId(index),
      name: siteName(index),
      namespace: "interconnect",
      version: "0.1.0",
      reachable: reached,
      self: index === 0,
      routers: [1, 2].map((router) => ({
        id: `r-${siteName(index)}-${router}`,
        version: "0.1.0",
        startedMs: this.startMs - 3_600_000,
        observedMs: reached ? atMs : this.startMs,
        stale: !reached,
        memoryBytes: 61_000_000 + index * 1_300_000,
        cpuPercent: 4 + index + 2 * Math.sin(atMs / 8_000),
      })),
      services: here.length,
      podsReady: pods.filter(({ name }) => !this.#down.has(name)).length,
      pods: pods.length,
      rps: this.#services
        .filter((service) => this.#clientOf(service) === index)
        .reduce(
          (sum, service) => sum + service.pods.reduce((s, pod) => s + this.#rps(service, pod, atMs), 0),
          0,
        ),
      certificateExpires: new Date(this.startMs + 29 * 86_400_000).toISOString(),
    };
  }
}

export function matches(flow: FlowView, filter: FlowFilter): boolean {
  const { service, source, destination, protocol, outcome, status, method, path, client, endpoint } = filter;
  return (
    (service === undefined || flow.service === service) &&
    (source === undefined || flow.sourceSite === source || flow.sourceSiteId === source) &&
    (destination === undefined ||
      flow.destinationSite === destination ||
      flow.destinationSiteId === destination) &&
    (protocol === undefined || flow.protocol === protocol) &&
    (outcome === undefined || flow.outcome === outcome) &&
    (method === undefined || flow.http?.method === method) &&
    (client === undefined || flow.client === client) &&
    (endpoint === undefined || flow.endpoint === endpoint || flow.endpointName === endpoint) &&
    (path === undefined || flow.http?.path.startsWith(path) === true) &&
    (filter.minDurationMs === undefined || flow.durationMs >= filter.minDurationMs) &&
    (filter.before === undefined || flow.id < filter.before) &&
    (status === undefined ||
      String(flow.http?.status) === status ||
      (status.endsWith("xx") && String(flow.http?.status)[0] === status[0]))
  );
}

function siteName(index: number): string {
  return `c${index + 1}`;
}

function siteId(index: number): string {
  return `site-${siteName(index)}`;
}

function indexOf(name: string): number {
  return Number(name.slice(1)) - 1;
}

function nameOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}

/** 0 to 1, the same for the same text. */
function hash(text: string): number {
  return (Bun.hash.cityHash32(text) >>> 0) / 0xffff_ffff;
}

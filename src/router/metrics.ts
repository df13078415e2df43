import type { Link } from "#link/types.ts";
import type { RouterCounters, ServiceStats } from "./counters.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Flow } from "./flow/flow.ts";
import type { H2Counters } from "#http/h2/counters.ts";
import type { HttpCounters } from "./http/counters.ts";
import type { LinkTransport } from "./network/link-manager.ts";
import type { SiteView } from "./network/network.ts";

export interface MetricsSource {
  readonly counters: RouterCounters;
  readonly http: HttpCounters;
  readonly http2: H2Counters;
  /** Connections to endpoints that HTTP requests share. */
  readonly pools: { readonly http1: number; readonly http2: number };
  readonly services: Iterable<ServiceStats>;
  readonly flows: Iterable<Flow>;
  readonly links: Iterable<Link>;
  readonly sites: ReadonlyMap<string, SiteView>;
  readonly routers: number;
  readonly endpoints: Iterable<{ readonly service: string; readonly endpoints: Iterable<Endpoint> }>;
  readonly connecting: number;
  readonly generation: number;
  readonly transport: Pick<LinkTransport, "memory" | "errors">;
}

type Labels = Readonly<Record<string, string | number>>;

/**
 * Prometheus text exposition (format 0.0.4), made when it is asked for. Labels are bounded by configuration: services,
 * links and sites, never clients. Endpoints are summed per service.
 */
export function metricsText(source: MetricsSource): string {
  const page = new Page();
  const { counters } = source;
  const live = new Map<ServiceStats, { flows: number; up: number; down: number }>();
  const kinds = { client: 0, inbound: 0, relay: 0 };
  let held = 0;
  for (const { stats, near, far, facts } of source.flows) {
    kinds[facts.kind]++;
    held += (near?.held ?? 0) + (far?.held ?? 0);
    if (stats === undefined) continue;
    const sum = live.get(stats) ?? { flows: 0, up: 0, down: 0 };
    sum.flows++;
    sum.up += near?.received ?? 0;
    sum.down += far?.received ?? 0;
    live.set(stats, sum);
  }
  const services = [...source.services];
  const perService = (value: (stats: ServiceStats) => number): [Labels, number][] =>
    services.map((stats) => [{ service: stats.service, port: stats.port }, value(stats)]);
  page.counter(
    "isthmus_router_connections_total",
    "Connections accepted for a service",
    perService((one) => one.connections),
  );
  page.counter(
    "isthmus_router_connection_failures_total",
    "Connections that no endpoint was left for",
    perService((one) => one.failures),
  );
  page.counter(
    "isthmus_router_connect_retries_total",
    "Attempts after the first of a connection",
    perService((one) => one.retries),
  );
  page.counter(
    "isthmus_router_bytes_to_endpoint_total",
    "Bytes from clients of a service",
    perService((one) => one.bytesToEndpoint + (live.get(one)?.up ?? 0)),
  );
  page.counter(
    "isthmus_router_bytes_to_client_total",
    "Bytes to clients of a service",
    perService((one) => one.bytesToClient + (live.get(one)?.down ?? 0)),
  );
  page.gauge(
    "isthmus_router_connections",
    "Connections now, by service",
    perService((one) => live.get(one)?.flows ?? 0),
  );
  page.gauge(
    "isthmus_router_flows",
    "Flows now, by kind",
    Object.entries(kinds).map(([kind, count]) => [{ kind }, count]),
  );
  page.gauge("isthmus_router_held_bytes", "Bytes of all flows that their sinks have not taken", [[{}, held]]);
  page.gauge("isthmus_router_connecting", "Connects to local endpoints that are being made", [
    [{}, source.connecting],
  ]);
  page.counter("isthmus_router_streams_accepted_total", "Streams from links, by where they go", [
    [{ to: "endpoint" }, counters.inboundStreams],
    [{ to: "next_hop" }, counters.relayedStreams],
  ]);
  page.counter("isthmus_router_streams_refused_total", "Streams from links that were refused, by reason", [
    [{ reason: "forged_hops" }, counters.refusedForged],
    [{ reason: "unknown_service" }, counters.refusedUnknownService],
    [{ reason: "unknown_endpoint" }, counters.refusedUnknownEndpoint],
    [{ reason: "loop" }, counters.refusedLoop],
    [{ reason: "hops" }, counters.refusedHops],
    [{ reason: "no_route" }, counters.refusedNoRoute],
    [{ reason: "connect" }, counters.refusedConnect],
  ]);
  page.counter("isthmus_router_advertisements_total", "Route advertisements, by what became of them", [
    [{ outcome: "sent" }, counters.advertisementsSent],
    [{ outcome: "accepted" }, counters.advertisementsAccepted],
    [{ outcome: "duplicate" }, counters.advertisementsDuplicate],
    [{ outcome: "stale" }, counters.advertisementsStale],
    [{ outcome: "forged" }, counters.advertisementsForged],
    [{ outcome: "malformed" }, counters.advertisementsMalformed],
  ]);
  page.counter("isthmus_router_idle_reaped_total", "Flows ended because nothing moved", [
    [{}, counters.idleReaped],
  ]);
  page.counter("isthmus_router_ejections_total", "Endpoints put aside after failures", [
    [{}, counters.ejections],
  ]);
  page.counter("isthmus_router_config_total", "Configurations, by what became of them", [
    [{ outcome: "applied" }, counters.configReloads],
    [{ outcome: "refused" }, counters.configRefused],
  ]);
  page.gauge("isthmus_router_config_generation", "Generation of the configuration that is used", [
    [{}, source.generation],
  ]);
  pageHttp(page, source);
  pageNetwork(page, source);
  pageTransport(page, source.transport);
  page.gauge("process_resident_memory_bytes", "Resident memory", [[{}, process.memoryUsage.rss()]]);
  const cpu = process.cpuUsage();
  page.counter("process_cpu_seconds_total", "User and system time", [[{}, (cpu.user + cpu.system) / 1e6]]);
  return page.text;
}

function pageHttp(page: Page, { http, http2, pools }: MetricsSource): void {
  page.counter("isthmus_router_http_requests_total", "HTTP requests", [[{}, http.requests]]);
  page.counter(
    "isthmus_router_http_responses_total",
    "Answers to clients, by class of status",
    [1, 2, 3, 4, 5].map((code) => [{ code: `${code}xx` }, http.responses[code] ?? 0]),
  );
  page.counter("isthmus_router_http_retries_total", "Attempts after the first of a request", [
    [{}, http.retries],
  ]);
  page.counter("isthmus_router_http_retries_over_budget_total", "Retries that the budget did not allow", [
    [{}, http.retriesOverBudget],
  ]);
  page.counter("isthmus_router_http_unavailable_total", "Requests that no endpoint was left for", [
    [{}, http.unavailable],
  ]);
  page.counter("isthmus_router_http_upgrades_total", "Connections that became WebSockets", [
    [{}, http.upgrades],
  ]);
  page.counter(
    "isthmus_router_http_refused_total",
    "Requests refused and connections closed, by reason",
    [...http.refused].map(([reason, count]) => [{ reason }, count]),
  );
  page.counter(
    "isthmus_router_http2_faults_total",
    "What HTTP/2 peers did that ended a stream or a connection, by reason",
    Object.entries(http2).map(([reason, count]: [string, number]) => [{ reason }, count]),
  );
  page.counter("isthmus_router_http_upstream_connections_total", "Connections to endpoints for HTTP", [
    [{}, http.upstreamConnections],
  ]);
  page.counter("isthmus_router_http_upstream_reused_total", "Requests on a connection that was there", [
    [{}, http.upstreamReused],
  ]);
  page.gauge("isthmus_router_http_pool_connections", "Connections to endpoints that are kept, by version", [
    [{ version: "1" }, pools.http1],
    [{ version: "2" }, pools.http2],
  ]);
}

function pageTransport(page: Page, { memory, errors }: MetricsSource["transport"]): void {
  if (memory !== undefined) {
    page.gauge("isthmus_router_link_memory_bytes", "Held for streams of all links", [[{}, memory.usedBytes]]);
    page.gauge("isthmus_router_link_memory_limit_bytes", "Bound of what is held", [[{}, memory.limitBytes]]);
    page.counter("isthmus_router_link_memory_sheds_total", "Streams ended to keep the bound", [
      [{}, memory.sheds],
    ]);
  }
  if (errors === undefined) return;
  page.counter(
    "isthmus_router_link_protocol_errors_total",
    "Lanes closed for bad input, by what was wrong",
    Object.entries(errors).map(([kind, count]: [string, number]) => [{ kind }, count]),
  );
}

function pageNetwork(page: Page, { links, sites, routers, endpoints }: MetricsSource): void {
  const all = [...links].map((link): [Labels, Link] => [
    { link: link.name, site: link.remote.siteId, router: link.remote.routerId, direction: link.direction },
    link,
  ]);
  const perLink = (value: (link: Link) => number): [Labels, number][] =>
    all.map(([labels, link]) => [labels, value(link)]);
  page.gauge(
    "isthmus_router_link_up",
    "1 for each link that takes streams",
    perLink(() => 1),
  );
  page.gauge(
    "isthmus_router_link_cost",
    "Cost of a link",
    perLink((link) => link.cost),
  );
  page.gauge(
    "isthmus_router_link_rtt_seconds",
    "Smoothed round trip time of a link",
    perLink((link) => link.rttMs / 1000),
  );
  page.gauge(
    "isthmus_router_link_lanes",
    "Lanes of a link that take streams",
    perLink((link) => link.lanes),
  );
  page.gauge(
    "isthmus_router_link_streams",
    "Streams on a link",
    perLink((link) => link.stats().streams),
  );
  page.gauge(
    "isthmus_router_link_buffered_bytes",
    "Bytes held for a link",
    perLink((link) => link.stats().bufferedBytes),
  );
  const siteViews = [...sites.values()];
  page.gauge(
    "isthmus_router_site_reachable",
    "Whether a path leads to a site",
    siteViews.map(({ siteId, cost }) => [{ site: siteId }, cost === undefined ? 0 : 1]),
  );
  page.gauge(
    "isthmus_router_site_cost",
    "Cost of the cheapest path to a site",
    siteViews.flatMap(({ siteId, cost }): [Labels, number][] =>
      cost === undefined ? [] : [[{ site: siteId }, cost]],
    ),
  );
  page.gauge("isthmus_router_known_routers", "Routers in the link-state database", [[{}, routers]]);
  const perService: [Labels, number][] = [];
  for (const { service, endpoints: list } of endpoints) {
    let ready = 0;
    let other = 0;
    for (const { facts } of list) {
      if (facts.ready) ready++;
      else other++;
    }
    perService.push([{ service, ready: "true" }, ready], [{ service, ready: "false" }, other]);
  }
  page.gauge("isthmus_router_endpoints", "Endpoints known of a service, in all sites", perService);
}

class Page {
  text = "";

  counter(name: string, help: string, samples: readonly (readonly [Labels, number])[]): void {
    this.#family("counter", { name, help, samples });
  }

  gauge(name: string, help: string, samples: readonly (readonly [Labels, number])[]): void {
    this.#family("gauge", { name, help, samples });
  }

  #family(
    type: string,
    { name, help, samples }: { name: string; help: string; samples: readonly (readonly [Labels, number])[] },
  ): void {
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) {
      const inner = Object.entries(labels).map(([key, text]) => `${key}="${escape(String(text))}"`);
      this.text += `${name}${inner.length === 0 ? "" : `{${inner.join(",")}}`} ${value}\n`;
    }
  }
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

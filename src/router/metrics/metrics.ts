import type { RouterCounters, ServiceStats } from "../counters.ts";
import type { Flow } from "../flow/flow.ts";
import type { FlowLog } from "../observe/flow-log.ts";
import type { EventLog } from "../observe/event-log.ts";
import type { AskedCounts } from "../observe/over-links/asked.ts";
import type { AskingCounts } from "../observe/over-links/asking.ts";
import { pageHttp, type HttpSource } from "./http.ts";
import { pageNetwork, type NetworkSource } from "./network.ts";
import { Page, type Sample } from "./page.ts";
import { pageTraffic, type TrafficSource } from "./traffic.ts";

export interface MetricsSource
  extends Omit<TrafficSource, "siteLabel">, Omit<NetworkSource, "siteLabel">, HttpSource {
  readonly counters: RouterCounters;
  readonly services: Iterable<ServiceStats>;
  readonly flows: Iterable<Flow>;
  /** Connects that are being made. */
  readonly connecting: number;
  readonly generation: number;
  readonly version: string;
  readonly siteName: string;
  readonly flowLog: FlowLog;
  readonly asked: AskedCounts;
  readonly asking: AskingCounts;
  readonly eventLog: EventLog;
}

/**
 * Prometheus text exposition (format 0.0.4), made when it is asked for. Labels are bounded by what is configured and by the
 * network: services, links and sites, never clients; endpoints are summed per site.
 */
export function metricsText(source: MetricsSource): string {
  const page = new Page();
  const siteLabel = siteLabels(source);
  pageTraffic(page, { ...source, siteLabel });
  pageNetwork(page, { ...source, siteLabel });
  pageRouter(page, source);
  pageHttp(page, source);
  return page.text;
}

/** A site's name; with its id where two have the same. */
function siteLabels({ sites, siteId, siteName }: MetricsSource): (id: string) => string {
  const names = new Map([[siteId, siteName]]);
  for (const [id, { facts }] of sites) names.set(id, facts.name);
  const seen = new Map<string, number>();
  for (const name of names.values()) seen.set(name, (seen.get(name) ?? 0) + 1);
  return (id) => {
    const name = names.get(id) ?? "";
    if (name === "") return id;
    return seen.get(name) === 1 ? name : `${name} (${id})`;
  };
}

function pageRouter(page: Page, source: MetricsSource): void {
  const { counters, flowLog, eventLog } = source;
  const kinds = { client: 0, inbound: 0, relay: 0 };
  let held = 0;
  for (const { near, far, facts } of source.flows) {
    kinds[facts.kind]++;
    held += (near?.held ?? 0) + (far?.held ?? 0);
  }
  page.gauge("isthmus_router_info", "Version of this router, and of whose site it is", [
    [{ version: source.version, site: source.siteName }, 1],
  ]);
  page.counter(
    "isthmus_router_client_connections_total",
    "Connections accepted for a service, whatever is spoken on them",
    [...source.services].map(({ service, port, connections }) => [{ service, port }, connections]),
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
  page.counter("isthmus_router_flow_records_total", "Flows that ended, by whether they were recorded", [
    [{ recorded: "true" }, flowLog.seq],
    [{ recorded: "false" }, flowLog.unsampled],
  ]);
  page.counter("isthmus_router_events_total", "Events, by whether they were one too many", [
    [{ outcome: "recorded" }, eventLog.seq],
    [{ outcome: "dropped" }, eventLog.dropped],
  ]);
  page.counter(
    "isthmus_router_observe_asked_total",
    "Questions of other sites' routers, by how they ended",
    outcomesOf(source.asked),
  );
  page.counter(
    "isthmus_router_observe_asks_total",
    "Questions to other sites' routers, by how they ended",
    outcomesOf(source.asking),
  );
  page.counter("isthmus_config_total", "Configurations, by what became of them", [
    [{ outcome: "applied" }, counters.configReloads],
    [{ outcome: "refused" }, counters.configRefused],
  ]);
  page.gauge("isthmus_config_generation", "Generation of the configuration that is used", [
    [{}, source.generation],
  ]);
  page.gauge("process_resident_memory_bytes", "Resident memory", [[{}, process.memoryUsage.rss()]]);
  const cpu = process.cpuUsage();
  page.counter("process_cpu_seconds_total", "User and system time", [[{}, (cpu.user + cpu.system) / 1e6]]);
}

function outcomesOf(counts: AskedCounts | AskingCounts): Sample[] {
  return Object.entries(counts).map(([outcome, count]: [string, number]) => [{ outcome }, count]);
}

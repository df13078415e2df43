import { RCODE } from "./constants.ts";
import { type DnsCounters, typeName } from "./counters.ts";
import type { DnsServers } from "./listen.ts";
import type { Zone } from "./zone.ts";

export interface DnsMetricsSource {
  readonly counters: DnsCounters;
  readonly zone: Pick<Zone, "names" | "serial" | "changedMs">;
  readonly servers: Pick<DnsServers, "udp" | "tcp">;
  readonly ready: boolean;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

/**
 * Prometheus text exposition (format 0.0.4), made when it is asked for. Every label has a fixed set of values; nothing that a client
 * sends becomes one.
 */
export function dnsMetrics({ counters, zone, servers, ready }: DnsMetricsSource): string {
  const { udp, tcp } = servers;
  const rcodes = [...RCODE_NAMES].map(([code, rcode]): Sample => [{ rcode }, counters.rcodes[code] ?? 0]);
  const dropped = { ...counters.dropped, not_sent: udp.failed };
  return [
    counter("isthmus_dns_queries_total", "Queries", queriesOf(counters)),
    counter("isthmus_dns_responses_total", "Answers by RCODE", rcodes),
    counter("isthmus_dns_truncated_total", "Answers that were too long, and are there over TCP", [
      [{}, counters.truncated],
    ]),
    counter(
      "isthmus_dns_refused_total",
      "Other zones and classes, and transfers",
      byReason(counters.refused),
    ),
    counter("isthmus_dns_dropped_total", "Messages that nobody got an answer to", byReason(dropped)),
    counter("isthmus_dns_overloads_total", "Times that more came over UDP than could be answered", [
      [{}, udp.overloads],
    ]),
    gauge("isthmus_dns_tcp_connections", "Connections now", tcp.connections),
    counter("isthmus_dns_tcp_cut_total", "Connections that were cut", byReason({ ...tcp.cuts })),
    gauge("isthmus_dns_zone_names", "Names that exist", zone.names),
    gauge("isthmus_dns_zone_serial", "Serial of the SOA", zone.serial),
    gauge("isthmus_dns_zone_change_timestamp_seconds", "When the zone changed last", zone.changedMs / 1000),
    gauge("isthmus_dns_ready", "1 once the imports were read", ready ? 1 : 0),
  ].join("");
}

function queriesOf({ types }: DnsCounters): Sample[] {
  const samples = new Map<string, Sample>();
  for (const transport of ["udp", "tcp"] as const) {
    for (const [number, count] of types[transport].entries()) {
      const type = typeName(number);
      const key = `${transport} ${type}`;
      const before = samples.get(key)?.[1] ?? 0;
      // A name is shown from its first query on; those that no query had would be pages of zeros.
      if (before + count > 0) samples.set(key, [{ transport, type }, before + count]);
    }
  }
  return [...samples.values()];
}

function byReason(counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([reason, count]): Sample => [{ reason }, count]);
}

function counter(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const words = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}${words.length === 0 ? "" : `{${words.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${lines.join("")}`;
}

function gauge(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}

/** The zone and the questions of the DNS bench: the same for all servers. */
import type { ZoneRecord } from "#dns/zone.ts";
import { wireName } from "#dns/name.ts";

export const ORIGIN = "clusterset.local";
export const SERVICES = 10_000;
const NAMESPACES = 100;
const QUERIES = 20_000;

interface Service {
  readonly labels: readonly string[];
  readonly a: string;
  readonly aaaa: string;
}

/** `turn` is the number of times that its addresses have changed. */
export function service(index: number, turn = 0): Service {
  return {
    labels: [`svc-${index}`, `ns-${index % NAMESPACES}`, "svc"],
    a: `10.${index >> 8}.${index & 255}.${1 + (turn % 250)}`,
    aaaa: `fd00::${turn.toString(16)}:${index.toString(16)}`,
  };
}

/** A, AAAA and one named port, as `isthmus dns run` makes them of an import. */
export function recordsOf(index: number, turn = 0): ZoneRecord[] {
  const { labels, a, aaaa } = service(index, turn);
  const target = wireName([...labels, ...ORIGIN.split(".")]);
  const data = { type: "SRV", priority: 0, weight: 100, port: 80, target } as const;
  return [
    { labels, data: { type: "A", address: a } },
    { labels, data: { type: "AAAA", address: aaaa } },
    { labels, data },
    { labels: ["_http", "_tcp", ...labels], data },
  ];
}

/** The same as a zone file, for the peers. */
export function zoneFile(): string {
  const lines = [
    `$ORIGIN ${ORIGIN}.`,
    "$TTL 5",
    "@ SOA ns.dns hostmaster 1 7200 1800 86400 5",
    "@ NS ns.dns",
    "ns.dns A 127.0.0.1",
  ];
  for (let index = 0; index < SERVICES; index++) {
    const { labels, a, aaaa } = service(index);
    const name = labels.join(".");
    lines.push(`${name} A ${a}`, `${name} AAAA ${aaaa}`, `${name} SRV 0 100 80 ${name}`);
    lines.push(`_http._tcp.${name} SRV 0 100 80 ${name}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * What pods with search lists ask: of five lookups one is a name that exists, four are that name behind a suffix (NXDOMAIN);
 * each for A and AAAA. For dnsperf.
 */
export function queryFile(): string {
  let state = 1;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % limit;
  };
  const suffixes = ["default.svc", "svc", "cluster", "internal"];
  const lines = Array.from({ length: QUERIES / 2 }, (_, index) => {
    const name = service(below(SERVICES)).labels.join(".");
    const suffix = index % 5 === 0 ? "" : `${ORIGIN}.${suffixes[below(suffixes.length)]}.`;
    const asked = `${name}.${suffix}${ORIGIN}.`;
    return `${asked} A\n${asked} AAAA`;
  });
  return `${lines.join("\n")}\n`;
}

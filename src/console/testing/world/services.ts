import { hash } from "./hash.ts";
import { siteName } from "./names.ts";

export interface WorldSize {
  readonly sites: number;
  readonly services: number;
  readonly podsPerService: number;
}

export interface GeneratedPod {
  readonly name: string;
  /** Index of its site. */
  readonly site: number;
  /** Requests per second about which it swings; 0 for one of an idle service. */
  readonly base: number;
  readonly phase: number;
}

export interface GeneratedService {
  /** `namespace/name` */
  readonly key: string;
  readonly protocol: "http" | "grpc" | "tcp";
  readonly port: number;
  readonly mode: string;
  readonly pods: readonly GeneratedPod[];
  readonly failing: boolean;
  /** Index of the site that all its clients are at. */
  readonly client: number;
}

const NAMES = ["app", "catalog", "checkout", "orders", "payments", "search", "sessions", "web"];
const PROTOCOLS = ["http", "http", "grpc", "tcp"] as const;
const MODES = ["Balanced", "Failover", "Weighted", "Local"];

/** Of each eight, one is idle, one has no pods and one fails now and then. */
export function generatedServices(size: WorldSize): GeneratedService[] {
  return Array.from({ length: size.services }, (_, index) => {
    const base = NAMES[index % NAMES.length] ?? "app";
    const name = index < NAMES.length ? base : `${base}-${Math.floor(index / NAMES.length)}`;
    const key = `interconnect/${name}`;
    return {
      key,
      protocol: PROTOCOLS[index % PROTOCOLS.length] ?? "http",
      port: 8080 + (index % 4),
      mode: MODES[index % MODES.length] ?? "Balanced",
      failing: index % 8 === 2,
      client: Math.floor(hash(`${key}/client`) * Math.min(2, size.sites)),
      pods: podsOf(name, { index, size }),
    };
  });
}

/** Pods go round the sites from the second on; the first has clients only. */
function podsOf(name: string, { index, size }: { index: number; size: WorldSize }): GeneratedPod[] {
  const idle = index % 8 === 6;
  const count = index % 8 === 4 ? 0 : size.podsPerService;
  return Array.from({ length: count }, (_, pod) => {
    const site = 1 + ((index + pod) % (size.sites - 1));
    return {
      name: `${name}-${siteName(site)}-${pod}`,
      site,
      base: idle ? 0 : 4 + hash(`${name}/base`) * 90,
      phase: hash(`${name}/${pod}`) * 6,
    };
  });
}

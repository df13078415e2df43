import type { Sorted } from "../selection/balancer.ts";
import type { Candidate } from "../selection/candidate.ts";
import type { Tier } from "../selection/tier.ts";
import type { EventLog } from "./event-log.ts";

/** What became of one service's port; numbers only grow. */
export interface ServiceCounts {
  readonly service: string;
  readonly port: number;
  /** Endpoints put aside after failures. */
  ejections: number;
  /** Times that a worse tier was taken into use. */
  failovers: number;
  /** A worse tier was taken into use, and what was there before is not back. */
  failedOver: boolean;
}

/** What a balancer reports to. */
export interface BalancerWatch {
  onEjected(): void;
  onSorted(sorted: Sorted): void;
}

/** Ports of services that counts are kept of; what comes past them is not counted. */
const MAX_COUNTS = 20_000;

/** Turns what happens in balancers into events and counts: endpoints put aside and back, failovers, nothing left. */
export class ServiceWatch {
  readonly #events: EventLog;
  readonly #counts = new Map<string, ServiceCounts>();

  constructor(events: EventLog) {
    this.#events = events;
  }

  get counts(): Iterable<ServiceCounts> {
    return this.#counts.values();
  }

  /** For the balancer of a service's port. What it knows of the balancer ends with it; counts stay. */
  watch(service: string, port: number): BalancerWatch {
    const counts = this.#countsOf(service, port);
    const watch = new PortWatch(counts, this.#events);
    return {
      onEjected: () => counts.ejections++,
      onSorted: (sorted) => watch.look(sorted),
    };
  }

  #countsOf(service: string, port: number): ServiceCounts {
    const key = `${service}:${port}`;
    let counts = this.#counts.get(key);
    if (counts !== undefined) return counts;
    counts = { service, port, ejections: 0, failovers: 0, failedOver: false };
    if (this.#counts.size < MAX_COUNTS) this.#counts.set(key, counts);
    return counts;
  }
}

class PortWatch {
  readonly #counts: ServiceCounts;
  readonly #events: EventLog;
  #tiers: readonly Tier[] | undefined;
  /** The worst tier in use; -1: none is; undefined before any was. */
  #level: number | undefined;
  /** The level that a failover left; undefined while none lasts. */
  #left: number | undefined;
  #ejected: ReadonlySet<Candidate> = new Set();

  constructor(counts: ServiceCounts, events: EventLog) {
    this.#counts = counts;
    this.#events = events;
  }

  look({ tiers, members }: Sorted): void {
    this.#lookAtEjected(members);
    const level = tiers.findLastIndex(({ weight }) => weight > 0);
    const before = this.#level;
    const sameTiers = this.#tiers === tiers;
    this.#tiers = tiers;
    if (level < 0 && before === undefined) return;
    this.#level = level;
    // Other tiers, or all endpoints gone and back: what was before is no measure any more.
    if (!sameTiers || level < 0 || (this.#left !== undefined && level <= this.#left)) this.#left = undefined;
    else if (before !== undefined && before >= 0 && level > before) this.#left ??= before;
    this.#counts.failedOver = this.#left !== undefined;
    if (before === undefined || level === before) return;
    if (level < 0) this.#say("NoEndpoints", "has no endpoint left that may be used");
    else if (before < 0) this.#say("EndpointsBack", `has endpoints again: ${clustersOf(level, members)}`);
    else if (sameTiers) this.#moved(before, { level, tiers, members });
  }

  #moved(before: number, { level, tiers, members }: Sorted & { readonly level: number }): void {
    const tier = `tier ${level + 1} (${clustersOf(level, members)})`;
    if (level > before) {
      this.#counts.failovers++;
      const percent = Math.round((tiers[level]?.weight ?? 0) * 100);
      this.#say("Failover", `fails over: ${percent} % of what is new goes to ${tier}`);
    } else
      this.#say("Failback", `is back: everything new goes to ${level === 0 ? tier : `${tier} or better`}`);
  }

  #lookAtEjected(members: Sorted["members"]): void {
    let ejected: Set<Candidate> | undefined;
    for (const member of members.values()) {
      const before = this.#ejected.has(member);
      const now = member.why === "ejected";
      if (now) (ejected ??= new Set()).add(member);
      if (now === before) continue;
      const { endpoint, cluster } = member;
      const { service, port } = this.#counts;
      this.#events.add({
        kind: now ? "EndpointEjected" : "EndpointBack",
        service,
        siteId: endpoint.siteId,
        endpointName: endpoint.facts.name,
        message: now
          ? `${endpoint.facts.name} in ${cluster} is put aside after failures: ${service}:${port} does without it`
          : `${endpoint.facts.name} in ${cluster} serves ${service}:${port} again`,
      });
    }
    if (ejected !== undefined || this.#ejected.size > 0) this.#ejected = ejected ?? new Set();
  }

  #say(kind: "NoEndpoints" | "EndpointsBack" | "Failover" | "Failback", what: string): void {
    const { service, port } = this.#counts;
    this.#events.add({ kind, service, message: `${service}:${port} ${what}` });
  }
}

/** Names of the clusters whose endpoints are used in a tier. */
function clustersOf(tier: number, members: Sorted["members"]): string {
  const names = new Set<string>();
  for (const member of members.values())
    if (member.tier === tier && member.why === undefined) names.add(member.cluster);
  return [...names].join(", ");
}

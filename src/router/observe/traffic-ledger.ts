import type { ServiceStats } from "../counters.ts";
import type { Endpoint } from "../endpoint.ts";
import { TrafficCounts, type TrafficKey, type TrafficProtocol } from "./traffic-row.ts";

/** Rows at once; what comes past them is counted together, in one row per protocol. */
const MAX_ROWS = 20_000;
/** At most so many rows share a version: an asker who gets a part of them goes on at the next. */
const ROWS_PER_VERSION = 500;
/** The counts of an endpoint that is gone are shown so long, then they are added to what its site's gone endpoints had, ms. */
const FOLD_AFTER_MS = 300_000;

/**
 * All rows of traffic. Bounded by what is there, not by what ever was: rows of endpoints that are gone are folded into one per
 * service, port, protocol and site, so that no sum ever goes down.
 */
export class TrafficLedger {
  readonly #rows = new Map<string, TrafficCounts>();
  readonly #maxRows: number;
  #version = 0;
  /** Rows that were not made: what they would have counted is in `(other)`. */
  overflows = 0;

  constructor({ maxRows = MAX_ROWS }: { readonly maxRows?: number } = {}) {
    this.#maxRows = maxRows;
  }

  get rows(): Iterable<TrafficCounts> {
    return this.#rows.values();
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of a key, made when it is asked for first. Not for the hot path. */
  row(key: TrafficKey): TrafficCounts {
    const name = nameOf(key);
    const known = this.#rows.get(name);
    if (known !== undefined) return known;
    if (this.#rows.size < this.#maxRows) return this.#add(name, key);
    this.overflows++;
    const other = { service: "(other)", port: 0, protocol: key.protocol, siteId: "", endpoint: "" };
    return this.#rows.get(nameOf(other)) ?? this.#add(nameOf(other), other);
  }

  /**
   * The version of everything as it is now; rows say in `version` when they changed last. The live parts of rows are to be set
   * before.
   */
  settle(): number {
    let version = this.#version + 1;
    let changed = 0;
    for (const row of this.#rows.values()) {
      const { growth, active } = row;
      if (growth === row.seenGrowth && active === row.seenActive) continue;
      row.seenGrowth = growth;
      row.seenActive = active;
      if (changed > 0 && changed % ROWS_PER_VERSION === 0) version++;
      changed++;
      row.version = version;
      this.#version = version;
    }
    return this.#version;
  }

  /** Looks for endpoints that are gone, and folds those that have been for long. */
  sweep(nowMs: number, isKnown: (key: TrafficKey) => boolean): void {
    for (const [name, row] of this.#rows) {
      const { key } = row;
      if (key.endpoint === "" || key.endpoint.endsWith("/")) continue;
      if (row.active > 0 || isKnown(key)) row.goneMs = -1;
      else if (row.goneMs < 0) row.goneMs = nowMs;
      else if (nowMs - row.goneMs >= FOLD_AFTER_MS) {
        this.#rows.delete(name);
        this.row({ ...key, endpoint: `${key.siteId}/` }).absorb(row);
      }
    }
  }

  #add(name: string, key: TrafficKey): TrafficCounts {
    const row = new TrafficCounts(key);
    this.#rows.set(name, row);
    return row;
  }
}

/** What leads from an endpoint to its rows: one for each port and protocol that it was used for. */
export interface TrafficLink {
  readonly stats: ServiceStats;
  readonly protocol: TrafficProtocol;
  readonly row: TrafficCounts;
  readonly next: TrafficLink | undefined;
}

/** The row of an endpoint for a service's port: found by identity among the few that the endpoint has, without a lookup. */
export function trafficTo(endpoint: Endpoint, stats: ServiceStats, protocol: TrafficProtocol): TrafficCounts {
  for (let link = endpoint.traffic; link !== undefined; link = link.next)
    if (link.stats === stats && link.protocol === protocol) return link.row;
  const { service, port, ledger } = stats;
  const { siteId, wireId } = endpoint;
  const row = ledger.row({ service, port, protocol, siteId, endpoint: wireId });
  row.endpointName = endpoint.facts.name;
  endpoint.traffic = { stats, protocol, row, next: endpoint.traffic };
  return row;
}

/** The row of what no endpoint was found for. */
export function trafficToNobody(stats: ServiceStats, protocol: TrafficProtocol): TrafficCounts {
  const { service, port, ledger } = stats;
  return ledger.row({ service, port, protocol, siteId: "", endpoint: "" });
}

function nameOf({ service, port, protocol, endpoint }: TrafficKey): string {
  return `${service}:${port} ${protocol} ${endpoint}`;
}

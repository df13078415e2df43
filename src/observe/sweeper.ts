import type { RouterRecord } from "./collect/router-record.ts";
import type { Series, Traffic } from "./collect/traffic.ts";
import type { Topology } from "./model/topology.ts";

/** Totals of endpoints that are gone are forgotten after this. */
const FORGET_MS = 3_600_000;

export interface SweeperOptions {
  readonly traffic: Traffic;
  readonly records: ReadonlyMap<string, RouterRecord>;
}

/** Lets go of traffic that nobody will ask for again: of routers that are gone, and of endpoints that are gone for long. */
export class Sweeper {
  readonly #options: SweeperOptions;
  /** Since when they are gone. */
  readonly #gone = new Map<Series, number>();

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  sweep(topology: Topology, { round, nowMs }: { readonly round: number; readonly nowMs: number }): void {
    const { traffic, records } = this.#options;
    traffic.sweep(round, (key) => records.get(key)?.isShown(nowMs) !== true);
    const offered = new Set<string>();
    for (const { service, endpoints } of topology.services.values())
      for (const { endpoint } of endpoints) offered.add(`${service} ${endpoint}`);
    for (const series of traffic.series.values()) {
      const { service, endpoint } = series;
      if (endpoint === "" || offered.has(`${service} ${endpoint}`) || isBusy(series)) {
        this.#gone.delete(series);
        continue;
      }
      const sinceMs = this.#gone.get(series) ?? nowMs;
      this.#gone.set(series, sinceMs);
      if (nowMs - sinceMs < FORGET_MS) continue;
      this.#gone.delete(series);
      traffic.forget(series);
    }
  }
}

function isBusy({ rows }: Series): boolean {
  return [...rows.values()].some((row) => row.window !== undefined || row.active !== 0);
}

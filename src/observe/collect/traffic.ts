import type { TrafficRow } from "#router/observe/observation.ts";
import {
  addCounts,
  badOf,
  bytesOf,
  COUNTS,
  DURATION_BUCKETS,
  DURATIONS,
  noCounts,
  readCounts,
  TOTAL,
  type Counts,
} from "./counts.ts";
import { Window } from "./window.ts";

/** Rows that are kept of all routers together; what comes beyond is counted and not shown. */
const MAX_ROWS = 200_000;

/** Layout of a row's window. */
export const SUM_TOTAL = 0;
export const SUM_BAD = 1;
export const SUM_BYTES = 2;
export const SUM_DURATIONS = 3;
const SUMS = SUM_DURATIONS + DURATION_BUCKETS;

/** What all routers together sent to one endpoint, for one port of a service. */
export interface Series {
  readonly key: string;
  readonly service: string;
  readonly port: number;
  readonly protocol: TrafficRow["protocol"];
  readonly siteId: string;
  readonly site: string;
  /** "" for what no endpoint was found for. */
  readonly endpoint: string;
  readonly name: string;
  readonly rows: Map<string, Row>;
}

/** The same of one router. */
export interface Row {
  readonly series: Series;
  readonly routerId: string;
  /** Where the clients are. */
  readonly siteId: string;
  /** As the router last said, in its present life. */
  readonly counts: Counts;
  /** Of its lives before. */
  former: number;
  active: number;
  window: Window | undefined;
}

/** What one port of a service did in the ten seconds that run. */
export interface PortBucket {
  readonly service: string;
  readonly port: number;
  readonly counts: Counts;
  readonly pods: Map<Series, { total: number; bad: number }>;
}

interface RowOwner {
  readonly routerId: string;
  readonly siteId: string;
}

/** When the news of a router is from. */
export interface Timing {
  readonly round: number;
  /** Rounds since it was heard before. */
  readonly rounds: number;
  /** False: it was not heard for so long that nobody can say when this happened. It counts in totals and in nothing else. */
  readonly timed: boolean;
}

/** All traffic rows of all routers: counts, rates of now, and what is on its way into history. */
export class Traffic {
  readonly series = new Map<string, Series>();
  /** By `namespace/name`. */
  readonly services = new Map<string, Set<Series>>();
  /** Rows that found no room. */
  refused = 0;
  #rows = 0;
  #buckets = new Map<string, PortBucket>();
  #dirty = new Set<Row>();
  readonly #now = noCounts();
  readonly #delta = noCounts();
  readonly #sums = new Float64Array(SUMS);

  get size(): number {
    return this.#rows;
  }

  take(router: RowOwner, rows: readonly TrafficRow[], timing: Timing): void {
    for (const told of rows) {
      // What endpoints had that are gone: their own rows were taken while they were there.
      if (told.endpoint.endsWith("/")) continue;
      const row = this.#rowOf(router, told);
      if (row === undefined) continue;
      row.active = told.active > 0 ? told.active : 0;
      this.#count(row, told, timing);
    }
  }

  /** The router began a new life: what it counts now comes on top. */
  beginAnew(routerId: string): void {
    for (const row of this.rowsOf(routerId)) {
      row.former += row.counts[TOTAL] as number;
      row.counts.fill(0);
      row.active = 0;
      this.#dirty.add(row);
    }
  }

  /** Forgets a router and all that it counted: it tells it again under another name. */
  dropRouter(routerId: string): void {
    for (const row of this.rowsOf(routerId)) {
      row.series.rows.delete(routerId);
      this.#dirty.delete(row);
      this.#rows--;
    }
  }

  *rowsOf(routerId: string): Generator<Row> {
    for (const { rows } of this.series.values()) {
      const row = rows.get(routerId);
      if (row !== undefined) yield row;
    }
  }

  /** A row as it was known before this observer was started. */
  restore(facts: Omit<Series, "key" | "rows">, row: RowOwner & { total: number; former: number }): void {
    const series = this.#seriesOf(facts);
    const kept = this.#newRow(series, row);
    kept.counts[TOTAL] = row.total;
    kept.former = row.former;
  }

  /** What was counted since the last call, and the rows whose totals moved. */
  closeBucket(): { readonly ports: readonly PortBucket[]; readonly rows: readonly Row[] } {
    const closed = { ports: [...this.#buckets.values()], rows: [...this.#dirty] };
    this.#buckets = new Map();
    this.#dirty = new Set();
    return closed;
  }

  /** The ports of a service in the ten seconds that run. */
  openBuckets(service: string): readonly PortBucket[] {
    return [...this.#buckets.values()].filter((bucket) => bucket.service === service);
  }

  /** Lets go of windows in which nothing is left, and of routers that are gone. */
  sweep(round: number, gone: (routerId: string) => boolean): void {
    for (const series of this.series.values()) {
      for (const [id, row] of series.rows) {
        if (row.window?.advance(round).sums.every((sum) => sum === 0) === true) row.window = undefined;
        if (row.window === undefined && row.active > 0 && gone(id)) row.active = 0;
      }
    }
  }

  /** Forgets a series: its endpoint is gone for long. */
  forget(series: Series): void {
    this.#rows -= series.rows.size;
    for (const row of series.rows.values()) this.#dirty.delete(row);
    this.series.delete(series.key);
    const siblings = this.services.get(series.service);
    siblings?.delete(series);
    if (siblings?.size === 0) this.services.delete(series.service);
  }

  #count(row: Row, told: TrafficRow, { round, rounds, timed }: Timing): void {
    const now = this.#now;
    const delta = this.#delta;
    readCounts(told, now);
    // Counts only grow; one that shrank nevertheless can only have begun anew.
    const anew = (now[TOTAL] as number) < (row.counts[TOTAL] as number);
    if (anew) {
      row.former += row.counts[TOTAL] as number;
      row.counts.fill(0);
    }
    let any = false;
    for (let i = 0; i < COUNTS; i++) {
      const more = Math.max(0, (now[i] as number) - (row.counts[i] as number));
      delta[i] = more;
      if (more > 0) any = true;
    }
    if (!any) return;
    row.counts.set(now);
    this.#dirty.add(row);
    if (!timed) return;
    const sums = this.#sums;
    sums[SUM_TOTAL] = delta[TOTAL] as number;
    sums[SUM_BAD] = badOf(delta);
    sums[SUM_BYTES] = bytesOf(delta);
    for (let i = 0; i < DURATION_BUCKETS; i++) sums[SUM_DURATIONS + i] = delta[DURATIONS + i] as number;
    row.window ??= new Window(SUMS, round);
    row.window.add(sums, { round, rounds });
    this.#bucket(row.series, delta);
  }

  #bucket(series: Series, delta: Counts): void {
    const { service, port } = series;
    const key = bucketKey(series);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { service, port, counts: noCounts(), pods: new Map() };
      this.#buckets.set(key, bucket);
    }
    addCounts(bucket.counts, delta);
    const pod = bucket.pods.get(series);
    const [total, bad] = [delta[TOTAL] as number, badOf(delta)];
    if (pod === undefined) bucket.pods.set(series, { total, bad });
    else {
      pod.total += total;
      pod.bad += bad;
    }
  }

  #rowOf(router: RowOwner, told: TrafficRow): Row | undefined {
    const known = this.series.get(seriesKey(told))?.rows.get(router.routerId);
    if (known !== undefined) return known;
    if (this.#rows >= MAX_ROWS) {
      this.refused++;
      return undefined;
    }
    const { service, port, protocol, destinationSiteId, destinationSite, endpoint, endpointName } = told;
    const facts = { service, port, protocol, siteId: destinationSiteId, site: destinationSite, endpoint };
    return this.#newRow(this.#seriesOf({ ...facts, name: endpointName }), router);
  }

  #newRow(series: Series, { routerId, siteId }: RowOwner): Row {
    const counts = noCounts();
    const row: Row = { series, routerId, siteId, counts, former: 0, active: 0, window: undefined };
    series.rows.set(routerId, row);
    this.#rows++;
    return row;
  }

  #seriesOf(facts: Omit<Series, "key" | "rows">): Series {
    const { service, port, protocol, endpoint } = facts;
    const key = seriesKey({ service, port, protocol, endpoint, destinationSiteId: facts.siteId });
    const known = this.series.get(key);
    if (known !== undefined) return known;
    const series: Series = { ...facts, key, rows: new Map() };
    this.series.set(key, series);
    const siblings = this.services.get(service);
    if (siblings === undefined) this.services.set(service, new Set([series]));
    else siblings.add(series);
    return series;
  }
}

/** All that was ever counted. */
export function totalOf({ rows }: Series): number {
  let total = 0;
  for (const row of rows.values()) total += row.former + (row.counts[TOTAL] as number);
  return total;
}

function seriesKey(
  row: Pick<TrafficRow, "service" | "port" | "protocol" | "destinationSiteId" | "endpoint">,
): string {
  return `${row.service} ${row.port} ${row.protocol} ${row.destinationSiteId} ${row.endpoint}`;
}

function bucketKey({ service, port }: { readonly service: string; readonly port: number }): string {
  return `${service} ${port}`;
}

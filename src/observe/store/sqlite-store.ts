import { Database } from "bun:sqlite";
import type { ObservedRouter } from "#router/observe/observation.ts";
import { TOTAL } from "../collect/counts.ts";
import { recordKey } from "../collect/router-record.ts";
import type { Row, Series } from "../collect/traffic.ts";
import type { ActivityItem, FlowFilter, FlowView } from "../views.ts";
import type { Batch, Gap, Life } from "./batch.ts";
import { EventTable, type ActivityQuery } from "./event-table.ts";
import { FlowTable } from "./flow-table.ts";
import { HistoryTable } from "./history-table.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import { Statements } from "./statements.ts";

const PAGE_BYTES = 4096;
/** Of the file, for flows; the rest is for history and events. */
const FLOWS_SHARE = 0.6;
/** Of the file: from here on the oldest goes. */
const FULL_SHARE = 0.85;
const MOST_GAPS = 10_000;
/** Totals of endpoints and routers that were not seen for so long are forgotten. */
const FORGET_MS = 24 * 3_600_000;

const INSERT_SERIES = "INSERT OR REPLACE INTO series VALUES (?, ?, ?)";
const UPSERT_COUNTED = "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?, ?)";
const UPSERT_LIFE = "INSERT OR REPLACE INTO lives VALUES (?, ?, ?, ?, ?, ?)";
const UPSERT_KEPT = "INSERT OR REPLACE INTO kept VALUES (?, ?)";

export interface StoreBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** A series and its totals, as they were kept. */
export interface KeptRow {
  readonly facts: Omit<Series, "key" | "rows">;
  readonly routerId: string;
  readonly siteId: string;
  readonly former: number;
  readonly total: number;
}

/**
 * What the observer keeps, in one SQLite database: WAL, one writer (this process locks the file), one transaction a round. Throws
 * what SQLite throws.
 */
export class SqliteStore {
  readonly #file: Database;
  readonly #db: Statements;
  readonly #bounds: StoreBounds;
  readonly flows: FlowTable;
  readonly events: EventTable;
  readonly history: HistoryTable;
  readonly #series = new Map<string, number>();
  readonly #seriesFacts = new Map<number, Omit<Series, "key" | "rows">>();
  #nextSeries = 1;

  /** Throws when the file cannot be used; one of another schema version is emptied. */
  constructor(path: string, bounds: StoreBounds) {
    this.#bounds = bounds;
    this.#file = new Database(path, { create: true, strict: true });
    this.#db = new Statements(this.#file);
    try {
      this.#prepareFile();
      this.flows = new FlowTable(this.#db);
      this.events = new EventTable(this.#db);
      this.history = new HistoryTable(this.#db);
      for (const { id, facts } of this.#db
        .of<{ id: number; facts: string }, []>("SELECT id, facts FROM series")
        .all()) {
        const parsed: Omit<Series, "key" | "rows"> = JSON.parse(facts);
        this.#series.set(seriesText(parsed), id);
        this.#seriesFacts.set(id, parsed);
        this.#nextSeries = Math.max(this.#nextSeries, id + 1);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
    this.#file.close();
  }

  /** Bytes that are in use; at most `maxBytes`. */
  usedBytes(): number {
    return (this.#pragma("page_count") - this.#pragma("freelist_count")) * PAGE_BYTES;
  }

  /** Keeps all of a round, or nothing of it. Returns the flows that found no room. */
  write(batch: Batch): number {
    let refused = 0;
    const nowMs = batch.atMs;
    this.#db.transaction(() => {
      for (const flow of batch.flows) if (!this.flows.insert(flow)) refused++;
      for (const event of batch.events) this.events.insert(event);
      for (const { fromMs, toMs, router } of batch.gaps)
        this.#db
          .of("INSERT INTO gaps (started, ended, router) VALUES (?, ?, ?)")
          .run(fromMs, toMs, router ?? null);
      for (const life of batch.lives) this.#writeLife(life);
      for (const [key, value] of Object.entries(batch.kept))
        this.#db.of<unknown, [string, string]>(UPSERT_KEPT).run(key, JSON.stringify(value));
      if (batch.bucket === undefined) return;
      this.history.insert(batch.bucket, (series) => this.seriesId(series as Series, nowMs));
      for (const row of batch.bucket.rows) this.#writeRow(row, nowMs);
    });
    return refused;
  }

  /**
   * Lets the oldest go where there is too much, some at a time. Call it each few seconds, and `force` it when a write found
   * no room.
   */
  prune(nowMs: number, { force = false }: { readonly force?: boolean } = {}): void {
    const { maxBytes, maxAgeMs } = this.#bounds;
    this.#db.transaction(() => {
      let dropMs = nowMs - maxAgeMs;
      this.flows.dropBefore(dropMs);
      const flows = this.flows.count();
      const mostFlows = (maxBytes * FLOWS_SHARE) / this.flows.rowBytes;
      if (flows > mostFlows) this.flows.dropOldest(flows - mostFlows * 0.95);
      if (force || this.usedBytes() > maxBytes * FULL_SHARE) {
        this.flows.dropOldest(flows * 0.2);
        // History is dear to people and small: it makes way only where flows are not what fills the file.
        const from = this.history.fromMs() ?? nowMs;
        if (flows < mostFlows / 2) dropMs = Math.max(dropMs, from + (nowMs - from) * 0.1);
      }
      this.events.dropBefore(nowMs - maxAgeMs);
      this.history.thin(nowMs, dropMs);
      this.#db
        .of("DELETE FROM gaps WHERE ended < ? OR id <= (SELECT max(id) FROM gaps) - ?")
        .run(dropMs, MOST_GAPS);
      this.#forget(nowMs - FORGET_MS);
    });
  }

  lives(): Life[] {
    return this.#db
      .of<{ facts: string; epoch: string; flows: number; events: number; heard: number }, []>(
        "SELECT * FROM lives",
      )
      .all()
      .map(({ facts, epoch, flows, events, heard }) => {
        const router: ObservedRouter = JSON.parse(facts);
        return { router, epoch, flowsSeen: flows, eventsSeen: events, heardMs: heard };
      });
  }

  rows(): KeptRow[] {
    return this.#db
      .of<{ series: number; router: string; site_id: string; former: number; total: number }, []>(
        "SELECT * FROM counted",
      )
      .all()
      .flatMap(({ series, router: routerId, site_id: siteId, former, total }) => {
        const facts = this.#seriesFacts.get(series);
        return facts === undefined ? [] : [{ facts, routerId, siteId, former, total }];
      });
  }

  /** What a key of `Batch.kept` holds. */
  kept(key: string): unknown {
    const row = this.#db.of<{ value: string }, [string]>("SELECT value FROM kept WHERE key = ?").get(key);
    return row === null ? undefined : JSON.parse(row.value);
  }

  gaps(fromMs: number, toMs: number): Gap[] {
    return this.#db
      .of<{ started: number; ended: number; router: string | null }, [number, number]>(
        "SELECT started, ended, router FROM gaps WHERE ended > ? AND started < ? ORDER BY started",
      )
      .all(fromMs, toMs)
      .map(({ started, ended, router }) => ({
        fromMs: started,
        toMs: ended,
        ...(router === null ? {} : { router }),
      }));
  }

  /** The number of a series, given when it is asked for first. Inside a transaction. */
  seriesId(series: Series, nowMs: number): number {
    const text = seriesText(series);
    const known = this.#series.get(text);
    if (known !== undefined) return known;
    const { service, port, protocol, siteId, site, endpoint, name } = series;
    const facts = { service, port, protocol, siteId, site, endpoint, name };
    const id = this.#nextSeries++;
    this.#db.of<unknown, [number, string, number]>(INSERT_SERIES).run(id, JSON.stringify(facts), nowMs);
    this.#series.set(text, id);
    this.#seriesFacts.set(id, facts);
    return id;
  }

  seriesFacts(id: number): Omit<Series, "key" | "rows"> | undefined {
    return this.#seriesFacts.get(id);
  }

  findFlows(filter: FlowFilter): FlowView[] {
    return this.flows.find(filter);
  }

  findEvents(query: ActivityQuery): ActivityItem[] {
    return this.events.find(query);
  }

  #prepareFile(): void {
    const run = (sql: string): void => void this.#file.run(sql);
    // Locks and the journal's mode come first: a file that another process writes must not be touched.
    run("PRAGMA busy_timeout = 200");
    run("PRAGMA locking_mode = EXCLUSIVE");
    run(`PRAGMA page_size = ${PAGE_BYTES}`);
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = NORMAL");
    run("PRAGMA journal_size_limit = 16777216");
    this.#db.transaction(() => {
      if (this.#pragma("user_version") === SCHEMA_VERSION) return;
      const tables = this.#db
        .of<{ name: string }, []>(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
        .all();
      for (const { name } of tables) run(`DROP TABLE "${name}"`);
      run(SCHEMA);
    });
    run(`PRAGMA max_page_count = ${Math.max(64, Math.floor(this.#bounds.maxBytes / PAGE_BYTES))}`);
  }

  #pragma(name: string): number {
    return Object.values(this.#db.of<Record<string, number>, []>(`PRAGMA ${name}`).get() ?? {})[0] ?? 0;
  }

  #writeLife({ router, epoch, flowsSeen, eventsSeen, heardMs }: Life): void {
    this.#db
      .of<unknown, [string, string, string, number, number, number]>(UPSERT_LIFE)
      .run(recordKey(router), JSON.stringify(router), epoch, flowsSeen, eventsSeen, heardMs);
  }

  #writeRow(row: Row, nowMs: number): void {
    const id = this.seriesId(row.series, nowMs);
    this.#db
      .of<unknown, [number, string, string, number, number]>(UPSERT_COUNTED)
      .run(id, row.routerId, row.siteId, row.former, row.counts[TOTAL] as number);
  }

  /** Totals of routers that are gone for long. Series stay while history may name them. */
  #forget(beforeMs: number): void {
    const gone = this.#db
      .of<{ router: string }, [number]>("SELECT router FROM lives WHERE heard < ?")
      .all(beforeMs);
    for (const { router } of gone) {
      this.#db.of("DELETE FROM counted WHERE router = ?").run(router);
      this.#db.of("DELETE FROM lives WHERE router = ?").run(router);
    }
  }
}

function seriesText({ service, port, protocol, siteId, endpoint }: Omit<Series, "key" | "rows">): string {
  return `${service} ${port} ${protocol} ${siteId} ${endpoint}`;
}

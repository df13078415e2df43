import type { Statement } from "bun:sqlite";
import type { Statements } from "./statements.ts";
import type { ClosedBucket } from "./batch.ts";
import { Dictionary } from "./dictionary.ts";
import { decodeHistory, encodeHistory, noHistory, type HistoryEntry } from "./history-codec.ts";

export const BUCKET_MS = 10_000;
const COARSE_MS = 60_000;
/** Ten-second entries are thinned to a minute when they are older. */
export const THIN_AFTER_MS = 3_600_000;
const MAX_SERVICES = 50_000;
/** Services that one call of `thin` looks at. */
const THIN_SERVICES = 100;

interface Packed {
  at: number;
  port: number;
  data: Uint8Array;
}

type Select = Statement<Packed, [number, number, number]>;

/** History by service, in entries of ten seconds and, when they are old, of a minute. */
export class HistoryTable {
  readonly #db: Statements;
  readonly #services: Dictionary;
  readonly #insert: Statement<unknown, [number, number, number, Uint8Array]>;
  readonly #fine: Select;
  readonly #coarse: Select;
  /** Entries up to here may be there already, of a process that ended in the middle of them. */
  readonly #oldMs: number;
  #turn = 0;

  constructor(db: Statements) {
    this.#db = db;
    this.#oldMs = db.of<{ at: number | null }, []>("SELECT max(at) AS at FROM covered").get()?.at ?? -1;
    this.#services = new Dictionary(db, { table: "services", column: "service", max: MAX_SERVICES });
    this.#insert = db.of("INSERT OR REPLACE INTO history_10 VALUES (?, ?, ?, ?)");
    this.#fine = select(db, "history_10");
    this.#coarse = select(db, "history_60");
  }

  /** Inside a transaction. `idOf` numbers the series. */
  insert({ atMs, coveredMs, ports }: ClosedBucket, idOf: (series: { readonly key: string }) => number): void {
    this.#db
      .of("INSERT INTO covered VALUES (?, ?) ON CONFLICT (at) DO UPDATE SET ms = ms + excluded.ms")
      .run(atMs, coveredMs);
    for (const { service, port, counts, pods } of ports) {
      const id = this.#services.idOf(service);
      if (id === undefined) continue;
      const numbered = new Map([...pods].map(([series, pod]) => [idOf(series), { ...pod }]));
      const entry: HistoryEntry = { counts, pods: numbered };
      if (atMs <= this.#oldMs) this.#addKnown(entry, { id, atMs, port });
      this.#insert.run(id, atMs, port, encodeHistory(entry));
    }
  }

  #addKnown(entry: HistoryEntry, { id, atMs, port }: { id: number; atMs: number; port: number }): void {
    for (const known of this.#fine.all(id, atMs, atMs + 1))
      if (known.port === port) decodeHistory(known.data, entry);
  }

  /** Adds what is known of a service between two times to the entry of each step, by `into`. */
  read(
    service: string,
    {
      fromMs,
      toMs,
      into,
    }: { fromMs: number; toMs: number; into: (atMs: number) => HistoryEntry | undefined },
  ): void {
    const id = this.#services.find(service);
    if (id === undefined) return;
    for (const table of [this.#coarse, this.#fine]) {
      for (const { at, data } of table.all(id, fromMs, toMs)) {
        const entry = into(at);
        if (entry !== undefined) decodeHistory(data, entry);
      }
    }
  }

  /** By beginning of ten seconds: how much of them was observed, ms. */
  covered(fromMs: number, toMs: number): { readonly at: number; readonly ms: number }[] {
    return this.#db
      .of<{ at: number; ms: number }, [number, number]>(
        "SELECT at, ms FROM covered WHERE at >= ? AND at < ? ORDER BY at",
      )
      .all(fromMs, toMs);
  }

  /** The oldest moment of which something is known. */
  fromMs(): number | undefined {
    return this.#db.of<{ at: number | null }, []>("SELECT min(at) AS at FROM covered").get()?.at ?? undefined;
  }

  /** Thins what is old and drops what is older than `dropMs`, for some services at a time. */
  thin(nowMs: number, dropMs: number): void {
    const cutoff = Math.floor((nowMs - THIN_AFTER_MS) / COARSE_MS) * COARSE_MS;
    const ids = [...this.#services.entries()].map(([id]) => id);
    for (let i = 0; i < Math.min(ids.length, THIN_SERVICES); i++)
      this.#thinService(ids[this.#turn++ % ids.length] as number, { cutoff, dropMs });
    this.#db.of("DELETE FROM covered WHERE at < ?").run(dropMs);
  }

  #thinService(id: number, { cutoff, dropMs }: { cutoff: number; dropMs: number }): void {
    const merged = new Map<string, { at: number; port: number; entry: HistoryEntry }>();
    for (const { at, port, data } of this.#fine.all(id, 0, cutoff)) {
      const minute = Math.floor(at / COARSE_MS) * COARSE_MS;
      const key = `${minute} ${port}`;
      const into = merged.get(key) ?? { at: minute, port, entry: noHistory() };
      decodeHistory(data, into.entry);
      merged.set(key, into);
    }
    if (merged.size > 0) {
      const insert = this.#db.of("INSERT OR REPLACE INTO history_60 VALUES (?, ?, ?, ?)");
      for (const { at, port, entry } of merged.values()) insert.run(id, at, port, encodeHistory(entry));
      this.#db.of("DELETE FROM history_10 WHERE service = ? AND at < ?").run(id, cutoff);
    }
    this.#db.of("DELETE FROM history_60 WHERE service = ? AND at < ?").run(id, dropMs);
  }
}

function select(db: Statements, table: string): Select {
  return db.of(`SELECT at, port, data FROM ${table} WHERE service = ? AND at >= ? AND at < ? ORDER BY at`);
}

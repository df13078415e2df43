import type { SQLQueryBindings, Statement } from "bun:sqlite";
import type { Statements } from "./statements.ts";
import { shapeMatches, statusRange, type FlowShape } from "../model/flow-filter.ts";
import type { FlowFilter, FlowView } from "../views.ts";
import { Dictionary } from "./dictionary.ts";

const MAX_WORDS = 20_000;
const MAX_SHAPES = 50_000;
export const MOST_FLOWS = 1000;
const DEFAULT_FLOWS = 100;
/** Rows deleted at a time, so that no round stands still for it. */
const CHUNK = 20_000;

interface FlowRow {
  id: number;
  shape: number;
  seq: number;
  started: number;
  duration: number;
  sent: number;
  received: number;
  attempts: number;
  ok: number;
  client: string;
  reason: string | number | null;
  why: string | number | null;
  method: string | number | null;
  host: string | number | null;
  path: string | null;
  status: number | null;
  grpc: number | null;
}

const COLUMNS = 17;
/** What a flow takes beside its path, bytes: measured, with what SQLite needs. */
const ROW_BYTES = 110;
/** Of how many flows the mean of `rowBytes` is, about. */
const MEAN_OF = 1000;

/** Flows as rows: what many have in common is stored once (shapes, words). */
export class FlowTable {
  readonly #db: Statements;
  readonly #words: Dictionary;
  readonly #shapes: Dictionary;
  readonly #shapeOf = new Map<number, FlowShape>();
  readonly #insert: Statement<unknown, SQLQueryBindings[]>;
  #lastId: number;
  #rowBytes = 150;

  constructor(db: Statements) {
    this.#db = db;
    this.#words = new Dictionary(db, { table: "words", column: "word", max: MAX_WORDS });
    this.#shapes = new Dictionary(db, { table: "shapes", column: "shape", max: MAX_SHAPES });
    for (const [id, text] of this.#shapes.entries()) this.#shapeOf.set(id, shapeFrom(text));
    this.#insert = db.of(`INSERT INTO flows VALUES (${Array(COLUMNS).fill("?").join(", ")})`);
    this.#lastId = db.of<{ id: number | null }, []>("SELECT max(id) AS id FROM flows").get()?.id ?? 0;
  }

  /** Ids rise by one, also over restarts. */
  get lastId(): number {
    return this.#lastId;
  }

  /** What a flow of late takes in the file, on average. */
  get rowBytes(): number {
    return this.#rowBytes;
  }

  /** Inside a transaction. False: there is no room for another shape, and it was not stored. */
  insert(flow: FlowView): boolean {
    const shape = this.#shape(flow);
    if (shape === undefined) return false;
    const { http } = flow;
    this.#insert.run(
      flow.id,
      shape,
      flow.seq,
      flow.startedMs,
      flow.durationMs,
      flow.bytesToEndpoint,
      flow.bytesToClient,
      flow.attempts,
      flow.outcome === "ok" ? 1 : 0,
      flow.client,
      this.#word(flow.reason),
      this.#word(flow.why),
      this.#word(http?.method),
      this.#word(http?.host),
      http?.path ?? null,
      http?.status ?? null,
      http?.grpcStatus ?? null,
    );
    this.#lastId = Math.max(this.#lastId, flow.id);
    this.#rowBytes += (ROW_BYTES + (http?.path.length ?? 0) - this.#rowBytes) / MEAN_OF;
    return true;
  }

  /** Newest first. */
  find(filter: FlowFilter): FlowView[] {
    const where: string[] = [];
    const values: SQLQueryBindings[] = [];
    const must = (condition: string, ...bindings: SQLQueryBindings[]): void => {
      where.push(condition);
      values.push(...bindings);
    };
    if (hasShapeFilter(filter)) {
      const ids = [...this.#shapeOf].filter(([, shape]) => shapeMatches(shape, filter)).map(([id]) => id);
      if (ids.length === 0) return [];
      must("shape IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
    }
    const { client, outcome, status, method, path, minDurationMs, before } = filter;
    if (client !== undefined) must("client = ?", client);
    if (outcome !== undefined) must("ok = ?", outcome === "ok" ? 1 : 0);
    if (status !== undefined) must("status BETWEEN ? AND ?", ...statusRange(status));
    if (method !== undefined) must("method IN (?, ?)", method, this.#words.find(method) ?? null);
    if (path !== undefined) must("substr(path, 1, ?) = ?", path.length, path);
    if (minDurationMs !== undefined) must("duration >= ?", minDurationMs);
    if (before !== undefined) must("id < ?", before);
    const limit = Math.min(Math.max(1, filter.limit ?? DEFAULT_FLOWS), MOST_FLOWS);
    const conditions = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
    return this.#db
      .of<FlowRow, SQLQueryBindings[]>(`SELECT * FROM flows ${conditions} ORDER BY id DESC LIMIT ?`)
      .all(...values, limit)
      .map((row) => this.#flow(row));
  }

  /** Rows that there are, more or less: ids are given without holes, and deleted from the oldest on. */
  count(): number {
    const first = this.#firstId();
    return first === undefined ? 0 : this.#lastId - first + 1;
  }

  /** Deletes the oldest, at most CHUNK at a time. */
  dropOldest(count: number): void {
    const first = this.#firstId();
    if (first === undefined) return;
    this.#db.of("DELETE FROM flows WHERE id < ?").run(first + Math.min(count, CHUNK));
    this.#forgetShapes();
  }

  /** Deletes what ended before, at most CHUNK at a time. */
  dropBefore(atMs: number): void {
    const row = this.#db
      .of<{ id: number }, [number, number]>(
        `SELECT max(id) AS id FROM (SELECT id, started FROM flows ORDER BY id LIMIT ?) WHERE started < ?`,
      )
      .get(CHUNK, atMs);
    if (row?.id !== null && row?.id !== undefined) this.#db.of("DELETE FROM flows WHERE id <= ?").run(row.id);
  }

  #firstId(): number | undefined {
    return this.#db.of<{ id: number | null }, []>("SELECT min(id) AS id FROM flows").get()?.id ?? undefined;
  }

  #forgetShapes(): void {
    if (this.#shapes.size < MAX_SHAPES / 2) return;
    const used = new Set(
      this.#db
        .of<{ shape: number }, []>("SELECT DISTINCT shape FROM flows")
        .all()
        .map(({ shape }) => shape),
    );
    const gone = [...this.#shapeOf.keys()].filter((id) => !used.has(id));
    this.#db.of("DELETE FROM shapes WHERE id IN (SELECT value FROM json_each(?))").run(JSON.stringify(gone));
    this.#shapes.forget(gone);
    for (const id of gone) this.#shapeOf.delete(id);
  }

  #word(text: string | undefined): number | string | null {
    if (text === undefined) return null;
    return this.#words.idOf(text) ?? text;
  }

  #text(word: number | string | null): string | undefined {
    if (word === null) return undefined;
    return typeof word === "string" ? word : (this.#words.textOf(word) ?? "");
  }

  #shape(flow: FlowView): number | undefined {
    const text = JSON.stringify([
      flow.service,
      flow.port,
      flow.protocol,
      flow.destinationSiteId,
      flow.destinationSite,
      flow.path,
      flow.endpoint,
      flow.endpointName,
      flow.sourceSiteId,
      flow.sourceSite,
      flow.router,
    ]);
    const known = this.#shapes.find(text);
    if (known !== undefined) return known;
    const id = this.#shapes.idOf(text);
    if (id !== undefined) this.#shapeOf.set(id, shapeFrom(text));
    return id;
  }

  #flow(row: FlowRow): FlowView {
    const reason = this.#text(row.reason);
    const method = this.#text(row.method);
    return {
      ...(this.#shapeOf.get(row.shape) as FlowShape),
      id: row.id,
      seq: row.seq,
      startedMs: row.started,
      durationMs: row.duration,
      client: row.client,
      bytesToEndpoint: row.sent,
      bytesToClient: row.received,
      attempts: row.attempts,
      outcome: row.ok === 1 ? "ok" : "error",
      ...(reason === undefined ? {} : { reason }),
      why: this.#text(row.why) ?? "",
      ...(method === undefined
        ? {}
        : {
            http: {
              method,
              host: this.#text(row.host) ?? "",
              path: row.path ?? "",
              status: row.status ?? 0,
              ...(row.grpc === null ? {} : { grpcStatus: row.grpc }),
            },
          }),
    };
  }
}

function hasShapeFilter({ service, source, destination, endpoint, protocol }: FlowFilter): boolean {
  return [service, source, destination, endpoint, protocol].some((value) => value !== undefined);
}

function shapeFrom(text: string): FlowShape {
  const parts: [
    string,
    number,
    FlowShape["protocol"],
    string,
    string,
    readonly string[],
    string,
    string,
    string,
    string,
    string,
  ] = JSON.parse(text);
  const [service, port, protocol, destinationSiteId, destinationSite, path, endpoint, endpointName] = parts;
  const [, , , , , , , , sourceSiteId, sourceSite, router] = parts;
  return {
    service,
    port,
    protocol,
    destinationSiteId,
    destinationSite,
    path,
    endpoint,
    endpointName,
    sourceSiteId,
    sourceSite,
    router,
  };
}

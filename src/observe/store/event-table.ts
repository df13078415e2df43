import type { SQLQueryBindings } from "bun:sqlite";
import type { Statements } from "./statements.ts";
import type { ActivityItem } from "../views.ts";
import type { StoredEvent } from "./batch.ts";

export interface ActivityQuery {
  /** Only with a lower id: the next page. */
  readonly before?: number;
  /** [100], at most 1000. */
  readonly limit?: number;
  readonly service?: string;
  /** Name or id: where it happened, or what it is about. */
  readonly site?: string;
}

export const MOST_EVENTS = 1000;
/** Rows that are kept whatever the size: events are few, and tell most. */
const MAX_ROWS = 100_000;

interface EventRow {
  id: number;
  at: number;
  kind: ActivityItem["kind"];
  severity: ActivityItem["severity"];
  message: string;
  site_id: string | null;
  site: string | null;
  service: string | null;
}

export class EventTable {
  readonly #db: Statements;
  #lastId: number;

  constructor(db: Statements) {
    this.#db = db;
    this.#lastId = db.of<{ id: number | null }, []>("SELECT max(id) AS id FROM events").get()?.id ?? 0;
  }

  get lastId(): number {
    return this.#lastId;
  }

  insert(event: StoredEvent): void {
    const { id, atMs, kind, severity, message, siteId, site, service, routerSite } = event;
    this.#db
      .of("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        id,
        Math.round(atMs),
        kind,
        severity,
        message,
        siteId ?? null,
        site ?? null,
        service ?? null,
        routerSite ?? null,
      );
    this.#lastId = Math.max(this.#lastId, id);
  }

  /** Newest first. */
  find({ before, limit, service, site }: ActivityQuery): ActivityItem[] {
    const where: string[] = [];
    const values: SQLQueryBindings[] = [];
    if (before !== undefined) {
      where.push("id < ?");
      values.push(before);
    }
    if (service !== undefined) {
      where.push("service = ?");
      values.push(service);
    }
    if (site !== undefined) {
      where.push("(site_id = ? OR site = ? OR router_site = ?)");
      values.push(site, site, site);
    }
    const conditions = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
    const most = Math.min(Math.max(1, limit ?? 100), MOST_EVENTS);
    return this.#rows(`${conditions} ORDER BY id DESC LIMIT ?`, [...values, most]);
  }

  /** Of a time and a service, and what is about no service; oldest first. */
  between(fromMs: number, toMs: number, service: string): ActivityItem[] {
    return this.#rows(
      `WHERE at BETWEEN ? AND ? AND (service = ? OR service IS NULL) ORDER BY id DESC LIMIT ${MOST_EVENTS}`,
      [fromMs, toMs, service],
    ).toReversed();
  }

  dropBefore(atMs: number): void {
    this.#db.of("DELETE FROM events WHERE at < ? OR id <= ?").run(atMs, this.#lastId - MAX_ROWS);
  }

  #rows(rest: string, values: readonly SQLQueryBindings[]): ActivityItem[] {
    return this.#db
      .of<EventRow, SQLQueryBindings[]>(`SELECT * FROM events ${rest}`)
      .all(...values)
      .map(itemOf);
  }
}

/** Whether an event is what a query asks for; `before` and `limit` aside. */
export function eventMatches(event: StoredEvent, { service, site }: ActivityQuery): boolean {
  return (
    (service === undefined || event.service === service) &&
    (site === undefined || event.site === site || event.siteId === site || event.routerSite === site)
  );
}

/** An event as it is shown. */
export function itemOf(event: EventRow | StoredEvent): ActivityItem {
  const { id, kind, severity, message, site, service } = event;
  const siteId = "atMs" in event ? event.siteId : event.site_id;
  return {
    id,
    atMs: "atMs" in event ? event.atMs : event.at,
    kind,
    severity,
    message,
    ...(siteId === null || siteId === undefined ? {} : { siteId }),
    ...(site === null || site === undefined ? {} : { site }),
    ...(service === null || service === undefined ? {} : { service }),
  };
}

import { Database, type Statement } from "bun:sqlite";
import type { EventType, KubeObject } from "../cluster-api.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { gone } from "../errors.ts";
import { selectableOf, type Selectable } from "../selectors.ts";

const log = logFor("sandbox", "store");

/** Listens to all resources at once; hears of a change after those who listen to its resource. */
export const EVERY_RESOURCE = "*";
/** Revisions that a watch can go back to. */
export const KEPT_REVISIONS = 10_000;
/** The log is cut once per this many writes. */
const PRUNE_EVERY = 256;

/** One committed change. */
export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly type: EventType;
  /** The new state; the last one for DELETED, with the revision of the deletion. */
  readonly object: KubeObject;
  /** What selectors saw before; undefined for ADDED. */
  readonly before: Selectable | undefined;
}

export interface StoreOptions {
  /** File of the database, or ":memory:". */
  path: string;
  keptRevisions?: number;
}

interface Row {
  resource: string;
  json: string;
}

interface LogRow {
  rv: number;
  resource: string;
  type: EventType;
  json: string;
  before: string | null;
}

const objectKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/**
 * All objects of one cluster: in memory for reading (frozen), in SQLite (WAL) for keeps, with a log of the last
 * revisions. Every write is one transaction that raises the revision by one. Listeners hear of a change after its
 * commit, in order, also when they write themselves.
 */
export class Store {
  readonly #db: Database;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #byUid = new Map<string, { resource: string; object: KubeObject }>();
  readonly #text = new WeakMap<KubeObject, string>();
  readonly #listeners = new Map<string, Set<(change: Change) => void>>();
  readonly #queue: Change[] = [];
  readonly #keptRevisions: number;
  #revision: number;
  #oldest: number;
  #draining = false;
  #sincePrune = 0;
  readonly #put: Statement;
  readonly #drop: Statement;
  readonly #log: Statement;

  constructor(options: StoreOptions) {
    this.#keptRevisions = options.keptRevisions ?? KEPT_REVISIONS;
    this.#db = new Database(options.path, { create: true, strict: true });
    this.#db.run("PRAGMA journal_mode = WAL");
    this.#db.run("PRAGMA synchronous = NORMAL");
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS objects (resource TEXT, namespace TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID",
    );
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS log (rv INTEGER PRIMARY KEY, resource TEXT NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL, before TEXT)",
    );
    this.#db.run("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
    this.#put = this.#db.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)");
    this.#drop = this.#db.prepare("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?");
    this.#log = this.#db.prepare("INSERT INTO log VALUES (?, ?, ?, ?, ?)");
    for (const row of this.#db.query<Row, []>("SELECT resource, json FROM objects").iterate()) {
      const object = freeze(JSON.parse(row.json) as KubeObject);
      this.#text.set(object, row.json);
      this.#remember(row.resource, object);
    }
    const bounds = this.#db
      .query<{ low: number | null; high: number | null }, []>(
        "SELECT min(rv) AS low, max(rv) AS high FROM log",
      )
      .get();
    this.#revision = bounds?.high ?? 0;
    this.#oldest = bounds?.low ?? this.#revision + 1;
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(resource)?.get(objectKey(namespace, name));
  }

  byUid(uid: string): { resource: string; object: KubeObject } | undefined {
    return this.#byUid.get(uid);
  }

  /** In no order; `sortedKeys` of the caller decides. */
  list(resource: string): Iterable<KubeObject> {
    return this.#objects.get(resource)?.values() ?? [];
  }

  /** The JSON text of a stored object, made once. */
  textOf(object: KubeObject): string {
    const known = this.#text.get(object);
    if (known !== undefined) return known;
    const text = JSON.stringify(object);
    this.#text.set(object, text);
    return text;
  }

  /** Writes an object at the next revision and answers it as stored: frozen, with its resourceVersion. */
  put(resource: string, draft: KubeObject): KubeObject {
    const { namespace = "", name } = draft.metadata;
    const old = this.get(resource, namespace, name);
    const revision = this.#revision + 1;
    draft.metadata.resourceVersion = String(revision);
    const text = JSON.stringify(draft);
    const object = freeze(JSON.parse(text) as KubeObject);
    this.#text.set(object, text);
    this.#commit(() => this.#put.run(resource, namespace, name, text), {
      revision,
      resource,
      type: old === undefined ? "ADDED" : "MODIFIED",
      object,
      before: old === undefined ? undefined : selectableOf(old),
    });
    return object;
  }

  /** Removes an object; its last state, at the revision of the removal, is what watchers see. */
  remove(resource: string, old: KubeObject): KubeObject {
    const { namespace = "", name } = old.metadata;
    const revision = this.#revision + 1;
    const metadata = { ...old.metadata, resourceVersion: String(revision) };
    const object = freeze({ ...old, metadata });
    this.#commit(() => this.#drop.run(resource, namespace, name), {
      revision,
      resource,
      type: "DELETED",
      object,
      before: selectableOf(old),
    });
    return object;
  }

  #commit(write: () => void, change: Change): void {
    const { revision, resource, type, object, before } = change;
    this.#db.run("BEGIN");
    try {
      write();
      const memo = before === undefined ? null : JSON.stringify(before);
      this.#log.run(revision, resource, type, this.textOf(object), memo);
      if (++this.#sincePrune >= PRUNE_EVERY) this.#prune(revision);
      this.#db.run("COMMIT");
    } catch (error) {
      this.#db.run("ROLLBACK");
      throw error;
    }
    this.#revision = revision;
    if (type === "DELETED") this.#forget(resource, object);
    else this.#remember(resource, object);
    this.#queue.push(change);
    this.#drain();
  }

  #prune(revision: number): void {
    this.#sincePrune = 0;
    const oldest = revision - this.#keptRevisions + 1;
    if (oldest <= this.#oldest) return;
    this.#db.prepare("DELETE FROM log WHERE rv < ?").run(oldest);
    this.#oldest = oldest;
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let change = this.#queue.shift(); change !== undefined; change = this.#queue.shift()) {
        this.#tell(change.resource, change);
        this.#tell(EVERY_RESOURCE, change);
      }
    } finally {
      this.#draining = false;
    }
  }

  #tell(resource: string, change: Change): void {
    for (const listener of this.#listeners.get(resource) ?? []) {
      try {
        listener(change);
      } catch (error) {
        this.#reportError(error, change);
      }
    }
  }

  #reportError(error: unknown, change: Change): void {
    log.error("A listener failed", { resource: change.resource, type: change.type, error: messageOf(error) });
  }

  /**
   * Hears of every change of a resource (or of EVERY_RESOURCE) after its commit. A change that was committed before
   * may still be under way to listeners: compare revisions. What the listener throws is logged.
   */
  onChange(resource: string, listener: (change: Change) => void): () => void {
    let listeners = this.#listeners.get(resource);
    if (listeners === undefined) this.#listeners.set(resource, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** The changes of a resource after `revision`, oldest first. Throws 410 when the log no longer holds them all. */
  changesSince(resource: string, revision: number): Change[] {
    if (revision + 1 < this.#oldest) {
      throw gone(`too old resource version: ${revision} (${this.#oldest})`);
    }
    const rows = this.#db
      .query<LogRow, [number, string]>(
        "SELECT rv, resource, type, json, before FROM log WHERE rv > ? AND resource = ? ORDER BY rv",
      )
      .all(revision, resource);
    return rows.map((row) => ({
      revision: row.rv,
      resource: row.resource,
      type: row.type,
      object: freeze(JSON.parse(row.json) as KubeObject),
      before: row.before === null ? undefined : (JSON.parse(row.before) as Selectable),
    }));
  }

  /** The oldest revision from which a watch can resume. */
  get oldestRevision(): number {
    return this.#oldest - 1;
  }

  /** Small facts beside the objects, such as issued tokens. */
  fact(name: string): string | undefined {
    const query = this.#db.query<{ value: string }, [string]>("SELECT value FROM facts WHERE name = ?");
    return query.get(name)?.value;
  }

  setFact(name: string, value: string): void {
    this.#db.prepare("INSERT OR REPLACE INTO facts VALUES (?, ?)").run(name, value);
  }

  close(): void {
    this.#listeners.clear();
    this.#db.close();
  }

  #remember(resource: string, object: KubeObject): void {
    const { namespace = "", name, uid } = object.metadata;
    let objects = this.#objects.get(resource);
    if (objects === undefined) this.#objects.set(resource, (objects = new Map()));
    objects.set(objectKey(namespace, name), object);
    if (uid !== undefined) this.#byUid.set(uid, { resource, object });
  }

  #forget(resource: string, object: KubeObject): void {
    const { namespace = "", name, uid } = object.metadata;
    this.#objects.get(resource)?.delete(objectKey(namespace, name));
    if (uid !== undefined) this.#byUid.delete(uid);
  }
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}

import { renameSync, rmSync } from "node:fs";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { Batch } from "./batch.ts";
import { SqliteStore, type StoreBounds } from "./sqlite-store.ts";

const MEMORY = ":memory:";
/** What is kept in memory while the file cannot be used is at most this much. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const PRUNE_MS = 10_000;
/** A file that could not be written is tried again after this. */
const RETRY_MS = 60_000;

const log = logFor("observe", "store");

export interface StoreOptions extends StoreBounds {
  /** A file, or ":memory:". */
  readonly path: string;
}

/** What is wrong with the file, for people. */
export interface StoreTrouble {
  readonly atMs: number;
  readonly message: string;
}

/**
 * The store that is in use. The observer never stops for it: a file that is damaged is put aside and begun anew; one that is
 * locked, full or cannot be opened is left alone, what comes is kept in memory, and it is tried again each minute.
 *
 *     file --cannot be written--> memory --a minute later, it can--> file
 */
export class Store {
  readonly #options: StoreOptions;
  #now: SqliteStore;
  #inMemory: boolean;
  #trouble: StoreTrouble | undefined;
  #prunedMs: number;
  #retryMs = 0;
  /** Flows that found no room. */
  refusedFlows = 0;

  constructor(options: StoreOptions, nowMs: number) {
    this.#options = options;
    this.#prunedMs = nowMs;
    const opened = this.#open(nowMs);
    this.#inMemory = opened === undefined;
    this.#now = opened ?? new SqliteStore(MEMORY, this.#memoryBounds());
  }

  get now(): SqliteStore {
    return this.#now;
  }

  /** Why history is not in the file, or begins anew. */
  get trouble(): StoreTrouble | undefined {
    return this.#trouble;
  }

  close(): void {
    this.#now.close();
  }

  /** Keeps a round. Returns what people should be told: that the store is another one now. */
  write(batch: Batch): StoreTrouble | undefined {
    const before = this.#trouble;
    try {
      this.refusedFlows += this.#writeOrMakeRoom(batch);
      if (batch.atMs - this.#prunedMs >= PRUNE_MS) {
        this.#prunedMs = batch.atMs;
        this.#now.prune(batch.atMs);
      }
    } catch (error) {
      this.#toMemory(error, batch);
    }
    if (this.#inMemory && this.#options.path !== MEMORY && batch.atMs >= this.#retryMs) this.#toFile(batch);
    return this.#trouble === before ? undefined : this.#trouble;
  }

  /** Nothing of a batch that found no room was written: it is tried once more where the oldest made way. */
  #writeOrMakeRoom(batch: Batch): number {
    try {
      return this.#now.write(batch);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#now.prune(batch.atMs, { force: true });
      return this.#now.write(batch);
    }
  }

  #toMemory(error: unknown, batch: Batch): void {
    this.#tell(batch.atMs, `History cannot be written, and is kept in memory: ${messageOf(error)}`);
    this.#retryMs = batch.atMs + RETRY_MS;
    closeQuietly(this.#now);
    this.#now = new SqliteStore(MEMORY, this.#memoryBounds());
    this.#inMemory = true;
    try {
      this.#now.write(batch);
    } catch (again) {
      log.error("What was observed could not be kept", { reason: messageOf(again) });
    }
  }

  #toFile({ atMs }: Batch): void {
    const file = this.#open(atMs);
    if (file === undefined) return;
    closeQuietly(this.#now);
    this.#now = file;
    this.#inMemory = false;
    this.#tell(atMs, "History is written to its file again");
  }

  #open(nowMs: number): SqliteStore | undefined {
    const { path } = this.#options;
    const bounds = path === MEMORY ? this.#memoryBounds() : this.#options;
    try {
      return new SqliteStore(path, bounds);
    } catch (error) {
      this.#retryMs = nowMs + RETRY_MS;
      if (!isDamaged(error)) {
        this.#tell(nowMs, `History is kept in memory: ${path}: ${messageOf(error)}`);
        return undefined;
      }
      this.#tell(
        nowMs,
        `History begins anew, its file was damaged and is now ${path}.damaged: ${messageOf(error)}`,
      );
    }
    try {
      renameSync(path, `${path}.damaged`);
      for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
      return new SqliteStore(path, bounds);
    } catch (error) {
      this.#tell(nowMs, `History is kept in memory: ${path}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #memoryBounds(): StoreBounds {
    const { path, maxBytes, maxAgeMs } = this.#options;
    return { maxBytes: path === MEMORY ? maxBytes : MEMORY_BYTES, maxAgeMs };
  }

  #tell(atMs: number, message: string): void {
    if (this.#trouble?.message === message) return;
    this.#trouble = { atMs, message };
    log.warning("Store", { reason: message });
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_FULL";
}

function isDamaged(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /SQLITE_(CORRUPT|NOTADB)/.test(code) || /malformed|not a database/.test(messageOf(error));
}

function closeQuietly(store: SqliteStore): void {
  try {
    store.close();
  } catch {
    // It did not work before either.
  }
}

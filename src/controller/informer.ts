import type { KubeObject } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import { Backoff } from "#core/backoff.ts";
import { systemClock, type Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type { KubeClient, ListResult } from "#kube/client.ts";
import { GoneError, KubeError } from "#kube/kube-error.ts";
import { resourceName } from "#kube/resource-path.ts";
import type { WatchEvent } from "#kube/watch-events.ts";
import { IndexedStore, type IndexFunction } from "./indexed-store.ts";
import { keyOf, keyText, parseKey, type ObjectKey } from "./object-key.ts";
import { compareResourceVersions } from "./resource-version.ts";
import { keepAlive, wait } from "./wait.ts";

export interface InformerOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly def: ResourceDef<T>;
  /** Absent = all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Delays between attempts while the API fails, ms [200 to 5,000, full jitter]. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
  /** How long a suspiciously small list waits for its confirmation, ms [2,000]. */
  readonly confirmMs?: number;
}

/** What became of one object; for mapping it to keys of other kinds, never to act upon (see `Informer.onChange`). */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type ChangeHandler<T> = (key: ObjectKey, change: Change<T>) => void;

export interface InformerStats {
  objects: number;
  lists: number;
  watches: number;
  events: number;
  /** Attempts that failed. */
  failures: number;
  /** Small lists that had to be confirmed. */
  held: number;
}

/** The watch broke its promise of order; only a list can tell the truth. */
class GapError extends Error {}

/**
 * A cache of one kind in one cluster, kept by list and watch:
 *
 *     list --(taken)--> watch --(ended, idle, reset: back-off)--> watch from the last resource version
 *      ^  \                |
 *      |   (empty or < 50 % of the cache: held, listed again after confirmMs)
 *      +------ 410 Gone, gap, unreadable event
 *
 * An API server that is away or answers errors never changes the cache; it only makes it `stale`. What the cache
 * holds equals a list of some moment, also after duplicate or reordered events. Objects are frozen and shared.
 */
export class Informer<T extends KubeObject = KubeObject> {
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: Backoff;
  readonly #store: IndexedStore<T>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #abort = new AbortController();
  readonly #log = logFor("controller", "informer");
  readonly #syncing = Promise.withResolvers<void>();
  readonly #stats = { lists: 0, watches: 0, events: 0, failures: 0, held: 0 };
  #running: Promise<void> | undefined;
  #hasSynced = false;
  #stale = true;
  /** Where to go on watching; undefined = a list is needed. */
  #resourceVersion: string | undefined;
  /** The last list was small and waits for its confirmation. */
  #suspicious = false;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#backoff = new Backoff({ baseMs: 200, capMs: 5_000, ...options.backoff, random: this.#random });
    this.#store = new IndexedStore(options.indexes);
  }

  /** What it keeps: `services`, `sites.isthmus.dev`. */
  get resource(): string {
    return resourceName(this.#options.def);
  }

  /** True once the first list was taken, for good. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** True while the API server cannot be heard: the cache may be behind. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Resolves when the first list was taken; for ever pending if that never happens. */
  synced(): Promise<void> {
    return this.#syncing.promise;
  }

  /** `namespace` is "" for cluster-scoped kinds. */
  get(namespace: string, name: string): T | undefined {
    return this.#store.get(keyText({ namespace, name }));
  }

  /** All objects, in no particular order. */
  list(): T[] {
    return this.#store.list();
  }

  /** Objects whose index function gives `value`. */
  by(index: string, value: string): T[] {
    return this.#store.by(index, value);
  }

  stats(): InformerStats {
    return { objects: this.#store.size, ...this.#stats };
  }

  /**
   * Calls `handler` with the key of each object that is there, then of each that came, changed or went. A handler
   * looks up what is true now; `change` serves only to find related keys. What it throws is logged. Returns how to
   * end it.
   */
  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.list()) {
      this.#call(handler, { key: keyOf(object), change: { before: undefined, after: object } });
    }
    return () => this.#handlers.delete(handler);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const release = keepAlive();
    const clock = this.#clock;
    const { signal } = this.#abort;
    try {
      while (!signal.aborted) {
        let delayMs: number;
        try {
          const resourceVersion = this.#resourceVersion;
          delayMs = resourceVersion === undefined ? await this.#relist() : await this.#watch(resourceVersion);
        } catch (error) {
          delayMs = this.#failed(error);
        }
        if (delayMs > 0) await wait(delayMs, { clock, signal });
      }
    } finally {
      release();
    }
  }

  /** Lists, and takes the list unless it is suspicious. Returns how long to wait before going on, ms. */
  async #relist(): Promise<number> {
    const { client, def, namespace, labelSelector, fieldSelector } = this.#options;
    this.#stats.lists++;
    const result = await client.list(def, {
      namespace,
      labelSelector,
      fieldSelector,
      signal: this.#abort.signal,
    });
    const cached = this.#store.size;
    const small = cached > 0 && result.items.length < cached / 2;
    if (small && !this.#suspicious) {
      // F8: API servers have answered with nothing while they came back. Nobody is deleted on one such word.
      this.#suspicious = true;
      this.#stale = true;
      this.#stats.held++;
      this.#log.warning("List is much smaller than what is known, held until confirmed", {
        resource: resourceName(def),
        known: cached,
        listed: result.items.length,
      });
      return (this.#options.confirmMs ?? 2_000) * (1 + 0.2 * this.#random.next());
    }
    this.#suspicious = false;
    this.#replace(result);
    return 0;
  }

  #replace(result: ListResult<T>): void {
    const changes: [string, Change<T>][] = [];
    const gone = new Set(this.#store.keys());
    for (const after of result.items) {
      const key = keyText(keyOf(after));
      gone.delete(key);
      const before = this.#store.get(key);
      if (before !== undefined && sameVersion(before, after)) continue;
      this.#store.set(after);
      changes.push([key, { before, after }]);
    }
    for (const key of gone) changes.push([key, { before: this.#store.delete(key), after: undefined }]);
    this.#resourceVersion = result.resourceVersion;
    this.#stale = false;
    this.#hasSynced = true;
    for (const [key, change] of changes) this.#notify(key, change);
    this.#syncing.resolve();
  }

  /** Watches until the server ends it. Returns how long to wait before the next, ms. */
  async #watch(resourceVersion: string): Promise<number> {
    const { client, def, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#abort;
    const startMs = this.#clock.monotonicMs();
    let progress = false;
    this.#stats.watches++;
    const onOpen = (): void => {
      this.#stale = false;
    };
    const input = { namespace, labelSelector, fieldSelector, resourceVersion, signal, onOpen };
    for await (const event of client.watch(def, input)) {
      this.#stats.events++;
      this.#apply(event);
      this.#stale = false;
      progress = true;
      this.#backoff.reset();
    }
    if (progress || this.#clock.monotonicMs() - startMs >= 1_000) {
      this.#backoff.reset();
      return 0;
    }
    // A server that ends each watch at once must not be asked in a loop.
    return this.#backoff.nextDelayMs();
  }

  #apply(event: WatchEvent<T>): void {
    const version = event.object.metadata.resourceVersion;
    if (version === undefined || version === "") throw new GapError("An event has no resource version");
    const order = compareResourceVersions(version, this.#resourceVersion ?? "");
    if (event.type === "BOOKMARK") {
      if (order !== undefined && order < 0) throw new GapError("A bookmark went back");
      this.#resourceVersion = version;
      return;
    }
    const key = keyText(keyOf(event.object));
    const known = this.#store.get(key);
    if (order !== undefined && order <= 0 && !this.#isDuplicate(event, known)) {
      throw new GapError("Events came out of order");
    }
    const age =
      known === undefined
        ? undefined
        : compareResourceVersions(version, known.metadata.resourceVersion ?? "");
    if (event.type === "DELETED") {
      // An older DELETED belongs to an earlier object of the same name.
      if (known !== undefined && (age === undefined || age >= 0)) {
        this.#store.delete(key);
        this.#notify(key, { before: known, after: undefined });
      }
    } else if (age === undefined || age > 0) {
      this.#store.set(event.object);
      this.#notify(key, { before: known, after: event.object });
    }
    if (order === undefined || order > 0) this.#resourceVersion = version;
  }

  /** Whether an event that is not newer than the watch tells nothing that the cache does not know. */
  #isDuplicate(event: WatchEvent<T>, known: T | undefined): boolean {
    if (known === undefined) return event.type === "DELETED";
    const age = compareResourceVersions(
      event.object.metadata.resourceVersion ?? "",
      known.metadata.resourceVersion ?? "",
    );
    return age !== undefined && age <= 0;
  }

  /** Returns how long to wait, ms. */
  #failed(error: unknown): number {
    if (this.#abort.signal.aborted) return 0;
    this.#stats.failures++;
    this.#stale = true;
    if (needsList(error)) this.#resourceVersion = undefined;
    const delayMs = Math.max(this.#backoff.nextDelayMs(), retryAfterMs(error));
    this.#log.warning("Cannot follow the API, the cache stays as it is", {
      resource: resourceName(this.#options.def),
      error: messageOf(error),
      retryInMs: Math.round(delayMs),
    });
    return delayMs;
  }

  #notify(key: string, change: Change<T>): void {
    for (const handler of this.#handlers) this.#call(handler, { key: parseKey(key), change });
  }

  #call(handler: ChangeHandler<T>, input: { readonly key: ObjectKey; readonly change: Change<T> }): void {
    try {
      handler(input.key, input.change);
    } catch (error) {
      this.#log.error("A handler failed", {
        resource: resourceName(this.#options.def),
        error: messageOf(error),
      });
    }
  }
}

/** Whether going on from the last resource version makes no sense. */
function needsList(error: unknown): boolean {
  if (error instanceof GapError || error instanceof GoneError) return true;
  if (!(error instanceof KubeError)) return false;
  // Unreadable, refused, unknown to a server with a shorter past ("Too large resource version", 504), or silent for
  // longer than bookmarks allow: then only a list tells whether the server is there.
  return error.code === "PROTOCOL" || error.code === "INVALID" || error.code === "TIMEOUT";
}

function retryAfterMs(error: unknown): number {
  return error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, 60_000) : 0;
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
}

import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { keyText, parseKey, type ObjectKey } from "./object-key.ts";
import { countDuration, type ReconcileCounts, reconcileCounts } from "./reconcile-counts.ts";
import { keepAlive } from "./wait.ts";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

export interface ReconcileResult {
  /** Look again after this even if nothing changes, ms. */
  readonly requeueAfterMs?: number;
}

/**
 * Makes what is true what is wanted, for one object: reads all it needs by itself, may be called at any time, also for
 * an object that no longer exists. Throws to be called again after a back-off.
 */
export type Reconcile = (
  key: ObjectKey,
  context: { readonly signal: AbortSignal },
) => Promise<ReconcileResult | void> | ReconcileResult | void;

export interface ReconcilerOptions extends WorkQueueOptions {
  /** For logs and metrics. */
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Keys worked on at the same time [1]. */
  readonly concurrency?: number;
  /** Nothing is reconciled before all of these are synced. */
  readonly after?: readonly { synced(): Promise<void> }[];
  /** Bound of one reconcile, ms [60,000]; then its signal is aborted and its worker goes on with other keys. */
  readonly timeoutMs?: number;
  /** Where it counts: those of an earlier loop of this name go on [new ones]. */
  readonly counts?: ReconcileCounts;
}

/** Plain counters; read them when metrics are scraped. */
export interface ReconcilerStats extends Readonly<ReconcileCounts> {
  readonly name: string;
  /** Being worked on. */
  readonly active: number;
  readonly depth: number;
  readonly delayed: number;
}

/**
 * The level-based loop: keys in, `reconcile` called for each, never twice at once for one key. What one key throws or
 * where it hangs never stops another key.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: WorkQueue;
  readonly #abort = new AbortController();
  readonly #log = logFor("controller", "reconciler");
  readonly #counts: ReconcileCounts;
  #active = 0;
  #running: Promise<unknown> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#queue = new WorkQueue(options);
    this.#counts = options.counts ?? reconcileCounts();
  }

  /** May be called before `start`. */
  enqueue(key: ObjectKey): void {
    this.#queue.add(keyText(key));
  }

  stats(): ReconcilerStats {
    const { depth, delayed } = this.#queue;
    return { name: this.#options.name, ...this.#counts, active: this.#active, depth, delayed };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Starts nothing new, aborts the signal of what runs, and resolves when that has ended or timed out. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#queue.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const release = keepAlive();
    const { signal } = this.#abort;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const synced = (this.#options.after ?? []).map((source) => source.synced());
    await Promise.race([Promise.all(synced), stopped]);
    const workers = Array.from({ length: this.#options.concurrency ?? 1 }, () => this.#work());
    await Promise.all(workers);
    release();
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      await this.#one(key);
    }
  }

  /** Resolves when the reconcile of the key ended or took too long. Never rejects. */
  #one(key: string): Promise<void> {
    const clock = this.#options.clock ?? systemClock;
    const timeoutMs = this.#options.timeoutMs ?? 60_000;
    const startMs = clock.monotonicMs();
    const abort = new AbortController();
    const onStop = (): void => abort.abort();
    this.#abort.signal.addEventListener("abort", onStop, { once: true });
    if (this.#abort.signal.aborted) onStop();
    this.#active++;
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => {
        this.#counts.timedOut++;
        this.#log.error("Reconcile takes too long, its worker goes on", {
          name: this.#options.name,
          key,
          timeoutMs,
        });
        abort.abort();
        resolve();
      });
      void this.#settle(key, abort.signal).then(() => {
        cancel();
        this.#abort.signal.removeEventListener("abort", onStop);
        this.#active--;
        countDuration(this.#counts, clock.monotonicMs() - startMs);
        this.#queue.done(key);
        resolve();
      });
    });
  }

  async #settle(key: string, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#options.reconcile(parseKey(key), { signal });
      this.#counts.succeeded++;
      this.#queue.forget(key);
      if (result?.requeueAfterMs !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed(key, error);
    }
  }

  #failed(key: string, error: unknown): void {
    this.#counts.failed++;
    const retryInMs = Math.round(this.#queue.addFailed(key));
    const fields = { name: this.#options.name, key, error: messageOf(error), retryInMs };
    // Someone else wrote first; normal with several writers, and the next try sees what they wrote.
    if (error instanceof IsthmusError && error.code === "CONFLICT") {
      this.#counts.conflicts++;
      this.#log.debug("Reconcile met a conflict", fields);
    } else {
      this.#log.warning("Reconcile failed", fields);
    }
  }
}

import { Backoff } from "#core/backoff.ts";
import { systemClock, type Clock } from "#core/clock.ts";
import { systemRandom, type Random } from "#core/random.ts";

export interface WorkQueueOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Bound of the first delay of a key that failed, ms [50]; it doubles with each failure. */
  readonly baseMs?: number;
  /** No such delay is longer, ms [30,000]. */
  readonly capMs?: number;
}

/**
 * Keys with work to do, as client-go's workqueue:
 *
 *     add --> dirty + queued --take--> processing --done--> (dirty again: queued)
 *
 * A key is queued once however often it is added, never taken by two workers at once, and a key that is added while
 * it is processed comes again. So no change is lost and none is worked on twice at the same time.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #baseMs: number;
  readonly #capMs: number;
  /** In order of arrival; all of them dirty, none processing. */
  readonly #queue = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #later = new Map<string, { readonly atMs: number; readonly cancel: () => void }>();
  readonly #failures = new Map<string, Backoff>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#baseMs = options.baseMs ?? 50;
    this.#capMs = options.capMs ?? 30_000;
  }

  /** Keys that wait to be taken now. */
  get depth(): number {
    return this.#queue.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#later.size;
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (this.#processing.has(key)) return;
    this.#enqueue(key);
  }

  /** Adds the key after `delayMs`; of several such wishes for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#clock.monotonicMs() + delayMs;
    const waiting = this.#later.get(key);
    if (waiting !== undefined) {
      if (waiting.atMs <= atMs) return;
      waiting.cancel();
    }
    const cancel = this.#clock.after(delayMs, () => {
      this.#later.delete(key);
      this.add(key);
    });
    this.#later.set(key, { atMs, cancel });
  }

  /** Adds the key after its own back-off, which grows until `forget`. Returns the delay, ms. */
  addFailed(key: string): number {
    let backoff = this.#failures.get(key);
    if (backoff === undefined) {
      backoff = new Backoff({ baseMs: this.#baseMs, capMs: this.#capMs, random: this.#random });
      this.#failures.set(key, backoff);
    }
    const delayMs = backoff.nextDelayMs();
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** The key is well: its next failure starts from the first delay. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key; waits for one; undefined when the queue is closed. Call `done` when the work ended. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const key of this.#queue) {
      this.#queue.delete(key);
      this.#begin(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.has(key) && !this.#closed) this.#enqueue(key);
  }

  /** Drops what waits and releases all takers. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#later.values()) cancel();
    this.#later.clear();
    this.#queue.clear();
    this.#dirty.clear();
    this.#failures.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #enqueue(key: string): void {
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#queue.add(key);
      return;
    }
    this.#begin(key);
    taker(key);
  }

  #begin(key: string): void {
    this.#dirty.delete(key);
    this.#processing.add(key);
  }
}

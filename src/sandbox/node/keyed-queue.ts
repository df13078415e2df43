import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";

const log = logFor("sandbox", "queue");

/** Keys handled in one go before other work of the process gets its turn. */
const BURST = 256;
const RETRY_BASE_MS = 20;
const RETRY_CAP_MS = 30_000;

/**
 * Level-based work: keys that were added (each once) are handled at the end of the current event-loop turn, so that
 * a change and its consequences are one turn, and many changes of one object are one look at it. A key whose handler
 * throws comes again after a growing delay.
 */
export class KeyedQueue {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #handle: (key: string) => void;
  readonly #keys = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { at: number; cancel: () => void }>();
  #scheduled = false;
  #stopped = false;

  constructor(options: { name: string; clock: Clock; handle: (key: string) => void }) {
    this.#name = options.name;
    this.#clock = options.clock;
    this.#handle = options.handle;
  }

  add(key: string): void {
    if (this.#stopped) return;
    this.#keys.add(key);
    this.#schedule(queueMicrotask);
  }

  /** Adds the key after a delay; of several delays for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const due = this.#clock.monotonicMs() + delayMs;
    const present = this.#timers.get(key);
    if (present !== undefined) {
      if (present.at <= due) return;
      present.cancel();
    }
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { at: due, cancel });
  }

  stop(): void {
    this.#stopped = true;
    this.#keys.clear();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #schedule(when: (fn: () => void) => void): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    when(() => this.#drain());
  }

  #drain(): void {
    this.#scheduled = false;
    let handled = 0;
    for (const key of this.#keys) {
      if (++handled > BURST) break;
      this.#keys.delete(key);
      this.#run(key);
    }
    if (this.#keys.size > 0) this.#schedule(setImmediate);
  }

  #run(key: string): void {
    try {
      this.#handle(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      this.addAfter(key, Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(failures, 20)));
      log.warn("Handling failed; comes again", { queue: this.#name, key, error: messageOf(error) });
    }
  }
}

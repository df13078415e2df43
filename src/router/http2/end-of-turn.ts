import type { Clock } from "#core/clock.ts";

/**
 * Runs what is planned at the end of this turn of the event loop: one immediate for all connections, however many of them
 * have something to send.
 */
export class EndOfTurn {
  readonly #clock: Clock;
  #planned: (() => void)[] = [];
  #spare: (() => void)[] = [];
  #nowMs = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Monotonic time, read once in a turn. */
  get nowMs(): number {
    if (this.#planned.length === 0) return this.#clock.monotonicMs();
    if (this.#nowMs < 0) this.#nowMs = this.#clock.monotonicMs();
    return this.#nowMs;
  }

  readonly plan = (fn: () => void): void => {
    if (this.#planned.length === 0) setImmediate(this.#run);
    this.#planned.push(fn);
  };

  /** What is planned meanwhile has its own turn. */
  readonly #run = (): void => {
    const now = this.#planned;
    this.#planned = this.#spare;
    this.#nowMs = -1;
    let done = 0;
    try {
      while (done < now.length) (now[done++] as () => void)();
    } finally {
      for (let i = done; i < now.length; i++) this.plan(now[i] as () => void);
      now.length = 0;
      this.#spare = now;
    }
  };
}

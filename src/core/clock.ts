/** Time as a dependency: everything that waits takes a clock, so that tests need no sleeping. */
export interface Clock {
  /** Wall time in ms since the epoch; may jump. For certificates and for what people read. */
  now(): number;
  /** Monotonic ms; never jumps. For every duration. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`; the returned function cancels it. Never keeps the process alive by itself. */
  after(delayMs: number, fn: () => void): () => void;
  /** Calls `fn` each `periodMs`; the returned function stops it. Never keeps the process alive by itself. */
  every(periodMs: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every(periodMs, fn) {
    const timer = setInterval(fn, periodMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

interface Waiting {
  at: number;
  periodMs: number | undefined;
  fn: () => void;
}

/** A clock that stands still until `advance` is called; timers fire in order of their time. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    return this.#add({ at: this.#nowMs + delayMs, periodMs: undefined, fn });
  }

  every(periodMs: number, fn: () => void): () => void {
    return this.#add({ at: this.#nowMs + periodMs, periodMs, fn });
  }

  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      let next: Waiting | undefined;
      for (const waiting of this.#waiting) {
        if (waiting.at <= end && (next === undefined || waiting.at < next.at)) next = waiting;
      }
      if (next === undefined) break;
      this.#nowMs = next.at;
      if (next.periodMs === undefined) this.#waiting.delete(next);
      else next.at += next.periodMs;
      next.fn();
    }
    this.#nowMs = end;
  }

  #add(waiting: Waiting): () => void {
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }
}

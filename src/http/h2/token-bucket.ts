import type { Clock } from "#core/clock.ts";

/** So many at once, and so many per second; what is legitimate may earn more. The clock is read only when it is empty. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledMs: number;

  constructor(options: { capacity: number; perSecond: number; clock: Clock }) {
    this.#capacity = options.capacity;
    this.#perSecond = options.perSecond;
    this.#clock = options.clock;
    this.#tokens = options.capacity;
    this.#filledMs = options.clock.monotonicMs();
  }

  /** False when there is none left. */
  take(): boolean {
    if (this.#tokens < 1) this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  earn(tokens: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + tokens);
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(
      this.#capacity,
      this.#tokens + ((nowMs - this.#filledMs) * this.#perSecond) / 1000,
    );
    this.#filledMs = nowMs;
  }
}

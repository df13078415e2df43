import type { Clock } from "#core/clock.ts";

/** What is remembered, and in how many slots. */
const WINDOW_MS = 10_000;
const SLOTS = 10;
const SLOT_MS = WINDOW_MS / SLOTS;
/** Retries that are always allowed, per second of the window: a service with few requests may retry too. */
const FLOOR_PER_SECOND = 3;

/**
 * Bounds retries of a service, so that a service in trouble does not get several times the load: over the last 10 s at
 * most `percent` of the requests, or 3 per second where that is more; none with 0 percent. Linkerd's and Finagle's idea;
 * no timer, no allocation per request.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #requests = new Uint32Array(SLOTS);
  readonly #retries = new Uint32Array(SLOTS);
  #percent: number;
  /** Number of the slot that counts now, since the clock's zero. */
  #slot = 0;
  #requestsInWindow = 0;
  #retriesInWindow = 0;

  constructor(clock: Clock, percent: number) {
    this.#clock = clock;
    this.#percent = percent;
    this.#slot = Math.floor(clock.monotonicMs() / SLOT_MS);
  }

  /** Percent of the requests that may be retried; a change applies at once. */
  set percent(percent: number) {
    this.#percent = percent;
  }

  /** A request came in, at `nowMs` where the caller knows it. Not to be called for its retries. */
  started(nowMs: number = this.#clock.monotonicMs()): void {
    const index = this.#turn(nowMs);
    this.#requests[index] = (this.#requests[index] as number) + 1;
    this.#requestsInWindow++;
  }

  /** Whether one more retry is within the budget; counts it when it is. */
  allow(): boolean {
    if (this.#percent === 0) return false;
    const index = this.#turn(this.#clock.monotonicMs());
    const allowed = Math.max(
      (FLOOR_PER_SECOND * WINDOW_MS) / 1000,
      (this.#requestsInWindow * this.#percent) / 100,
    );
    if (this.#retriesInWindow + 1 > allowed) return false;
    this.#retries[index] = (this.#retries[index] as number) + 1;
    this.#retriesInWindow++;
    return true;
  }

  /** Forgets slots that are out of the window; returns the index of the one that counts now. */
  #turn(nowMs: number): number {
    const slot = Math.floor(nowMs / SLOT_MS);
    const steps = Math.min(slot - this.#slot, SLOTS);
    for (let step = 1; step <= steps; step++) {
      const index = (this.#slot + step) % SLOTS;
      this.#requestsInWindow -= this.#requests[index] as number;
      this.#retriesInWindow -= this.#retries[index] as number;
      this.#requests[index] = 0;
      this.#retries[index] = 0;
    }
    this.#slot = slot;
    return slot % SLOTS;
  }
}

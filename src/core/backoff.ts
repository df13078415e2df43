import type { Random } from "./random.ts";

export interface BackoffOptions {
  /** Bound of the first delay, ms. */
  readonly baseMs: number;
  /** No delay is longer, ms. */
  readonly capMs: number;
  readonly random: Random;
}

/**
 * Exponential back-off with full jitter: each delay is uniform in [0, min(cap, base * 2^attempt)], so that peers
 * that lost the same server do not come back at the same moment. Never less than a tenth of the bound, so that no
 * loop spins.
 */
export class Backoff {
  #attempt = 0;
  readonly #options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Delays asked for since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  nextDelayMs(): number {
    const { baseMs, capMs, random } = this.#options;
    const bound = Math.min(capMs, baseMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return bound * (0.1 + 0.9 * random.next());
  }

  reset(): void {
    this.#attempt = 0;
  }
}

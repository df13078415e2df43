import type { Clock } from "#core/clock.ts";

/** Credit goes back when it is this part of the window: the rest is with the sender or on its way. */
const GRANT_PARTS = 4;
/** A window that is consumed sooner than this may be what holds its sender: it grows. */
const FAST_MS = 100;

/** How large the windows of a kind are. */
export interface WindowTerms {
  readonly bytes: number;
  readonly mostBytes: number;
  readonly clock: Clock;
}

/**
 * What a peer may still send, on a stream or on a connection. It grows, by doubling, while its reader is fast: over a long way
 * a small window is what limits the rate.
 */
export class ReceiveWindow {
  readonly #terms: WindowTerms;
  #bytes: number;
  #left: number;
  /** Consumed and not yet given back. */
  #owed = 0;
  /** Given back since `#measuredMs`. */
  #measured = 0;
  #measuredMs = Number.NEGATIVE_INFINITY;

  /** `left` is larger than `bytes` for a peer that may not know of them yet. */
  constructor(terms: WindowTerms, left = terms.bytes) {
    this.#terms = terms;
    this.#bytes = terms.bytes;
    this.#left = left;
  }

  /** False when the peer sent more than it may. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Returns the increment of a WINDOW_UPDATE that is due, or 0. */
  give(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * GRANT_PARTS < this.#bytes) return 0;
    const grant = this.#owed + (this.#bytes < this.#terms.mostBytes ? this.#growth() : 0);
    this.#owed = 0;
    this.#left += grant;
    return grant;
  }

  /** By how much the window grows now. */
  #growth(): number {
    this.#measured += this.#owed;
    if (this.#measured < this.#bytes) return 0;
    const nowMs = this.#terms.clock.monotonicMs();
    const fast = nowMs - this.#measuredMs < FAST_MS;
    this.#measured = 0;
    this.#measuredMs = nowMs;
    if (!fast) return 0;
    const growth = Math.min(this.#bytes, this.#terms.mostBytes - this.#bytes);
    this.#bytes += growth;
    return growth;
  }
}

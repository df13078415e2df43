/** A latency that was seen this long ago counts 1/e, ms. */
const DECAY_MS = 10_000;
/** Score of an endpoint that has work and has never answered: worse than all that have. */
const UNKNOWN_MS = 1e9;

/**
 * Peak-sensitive moving average of an endpoint's latency (as in Finagle's and Linkerd's peak EWMA): rises to a higher
 * sample at once, and falls with a time constant of 10 s. Ms, as floats; no allocation.
 */
export class Latency {
  #averageMs = 0;
  #atMs = 0;

  /** Undefined while nothing is known. */
  get averageMs(): number | undefined {
    return this.#averageMs === 0 ? undefined : this.#averageMs;
  }

  sample(latencyMs: number, nowMs: number): void {
    if (!(latencyMs >= 0)) return;
    if (this.#averageMs === 0 || latencyMs > this.#averageMs) this.#averageMs = Math.max(latencyMs, 0.001);
    else {
      const keep = Math.exp((this.#atMs - nowMs) / DECAY_MS);
      this.#averageMs = Math.max(this.#averageMs * keep + latencyMs * (1 - keep), 0.001);
    }
    this.#atMs = nowMs;
  }

  /** A failure's latency never makes an endpoint look fast. */
  atLeast(latencyMs: number, nowMs: number): void {
    if (latencyMs > this.#averageMs) this.sample(latencyMs, nowMs);
  }

  /** How long one more request would take with `inFlight` before it; fades while nothing is heard, so that it is tried again. */
  score(inFlight: number, nowMs: number): number {
    if (this.#averageMs === 0) return inFlight === 0 ? 0 : UNKNOWN_MS * (inFlight + 1);
    return this.#averageMs * Math.exp((this.#atMs - nowMs) / DECAY_MS) * (inFlight + 1);
  }
}

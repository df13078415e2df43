const SAMPLES = 8;
const SETTLED_SAMPLES = 5;

/** Round trip times of one lane: smoothed for people and routes, the least of the last samples for windows. */
export class RoundTrip {
  /** 0 until the first sample. */
  smoothedMs = 0;
  leastMs = 0;
  readonly #samples: number[] = [];
  #token = 0;
  #sentMs: number | undefined;

  /** The first samples hold the work of a connection that is just made; some more are needed at once. */
  get settled(): boolean {
    return this.#samples.length >= SETTLED_SAMPLES;
  }

  /** A PING is sent now; returns its token. */
  sent(nowMs: number): number {
    this.#token = (this.#token + 1) >>> 0;
    this.#sentMs = nowMs;
    return this.#token;
  }

  /** A PONG came. Returns whether it answers the last PING. */
  answered(token: number, nowMs: number): boolean {
    if (token !== this.#token || this.#sentMs === undefined) return false;
    this.#add(nowMs - this.#sentMs);
    this.#sentMs = undefined;
    return true;
  }

  #add(sampleMs: number): void {
    const weight = this.settled ? 0.125 : 1;
    this.smoothedMs += (sampleMs - this.smoothedMs) * weight;
    this.#samples.push(sampleMs);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.leastMs = Math.min(...this.#samples);
  }
}

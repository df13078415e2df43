const PERIOD_MS = 20;

/** How long this process itself was kept from running: not the fault of what is under test. */
export class OwnDelay {
  #lastMs = performance.now();
  #sumMs = 0;
  readonly #timer = setInterval(() => {
    const nowMs = performance.now();
    this.#sumMs += Math.max(0, nowMs - this.#lastMs - PERIOD_MS * 2);
    this.#lastMs = nowMs;
  }, PERIOD_MS);

  /** The sum in ms. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#sumMs;
  }
}

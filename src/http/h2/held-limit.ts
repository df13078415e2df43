import { H2_ERROR } from "./constants.ts";
import type { H2Limits } from "./limits.ts";
import type { Police } from "./police.ts";
import type { StreamTable } from "./stream-table.ts";

/** Bounds what waits here because the peer gives no window: in bytes for all streams, and in time for each. */
export class HeldLimit {
  /** Of all streams. */
  bytes = 0;
  readonly #limits: H2Limits;
  readonly #streams: StreamTable;
  readonly #police: Police;
  readonly #soon: (fn: () => void) => void;

  constructor(options: {
    limits: H2Limits;
    streams: StreamTable;
    police: Police;
    soon: (fn: () => void) => void;
  }) {
    this.#limits = options.limits;
    this.#streams = options.streams;
    this.#police = options.police;
    this.#soon = options.soon;
  }

  changed(delta: number): void {
    this.bytes += delta;
    // Not now: a write must not reset its own stream under its hands.
    if (delta > 0 && this.bytes > this.#limits.maxHeldBytes) this.#soon(this.#shed);
  }

  /** Resets the streams of which nothing went out for too long. */
  look(nowMs: number): void {
    if (this.bytes === 0) return;
    for (const stream of this.#streams.values()) {
      if (stream.heldBytes === 0 || stream.moved) {
        stream.moved = false;
        stream.movedMs = nowMs;
      } else if (nowMs - stream.movedMs >= this.#limits.stalledMs) {
        this.#police.count("stalled");
        stream.abort(H2_ERROR.CANCEL, "The peer takes no more data");
      }
    }
  }

  readonly #shed = (): void => {
    while (this.bytes > this.#limits.maxHeldBytes) {
      const largest = this.#streams.largest();
      if (largest === undefined) return;
      this.#police.count("stalled");
      largest.abort(H2_ERROR.ENHANCE_YOUR_CALM, "Too much data waits for the peer");
    }
  };
}

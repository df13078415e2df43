import type { Clock } from "#core/clock.ts";

const TICKS_PER_PERIOD = 4;
/** Under traffic a round trip is measured this often, in ping periods. */
const MEASURE_PERIODS = 5;

/**
 * Watches that a lane is not silent. It counts ticks rather than time: when this process itself stood still, the bytes that
 * wait in its sockets get their chance before the peer is called dead.
 *
 *   heard --(pingMs silent: ping)--> silent --(deadMs silent)--> dead
 *     ^                                |
 *     +-------- any byte --------------+
 */
export class Liveness {
  /** Set on each byte received; that is all the data path pays. */
  heard = true;
  readonly #stop: () => void;
  #silentMs = 0;
  #sincePingMs = 0;

  constructor(options: {
    clock: Clock;
    pingMs: number;
    deadMs: number;
    ping: () => void;
    dead: (silentMs: number) => void;
    tick: () => void;
  }) {
    const { pingMs, deadMs, ping, dead, tick } = options;
    const tickMs = Math.max(1, Math.floor(Math.min(pingMs, deadMs) / TICKS_PER_PERIOD));
    this.#stop = options.clock.every(tickMs, () => {
      this.#silentMs = this.heard ? 0 : this.#silentMs + tickMs;
      this.heard = false;
      this.#sincePingMs += tickMs;
      if (this.#silentMs >= deadMs) {
        dead(this.#silentMs);
        return;
      }
      const silent = this.#silentMs >= pingMs && this.#sincePingMs >= pingMs;
      if (silent || this.#sincePingMs >= pingMs * MEASURE_PERIODS) {
        this.#sincePingMs = 0;
        ping();
      }
      tick();
    });
  }

  stop(): void {
    this.#stop();
  }
}

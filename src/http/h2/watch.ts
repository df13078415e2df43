import { H2_ERROR } from "./constants.ts";
import type { H2CounterName } from "./counters.ts";
import type { H2Limits } from "./limits.ts";

/** What took too long, and how the connection ends for it. */
export interface Late {
  readonly counter: H2CounterName;
  readonly code: number;
  readonly reason: string;
}

type PingKind = "alive" | "leave";

/**
 * The times of a connection, looked at once in a while; the data path sets a flag.
 *
 *   heard --(pingMs silent, has streams: ping)--> asked --(pingTimeoutMs)--> dead
 *     ^                                             |
 *     +----------------- any byte ------------------+
 */
export class Watch {
  /** Set on each byte received. */
  heard = true;
  readonly #limits: H2Limits;
  readonly #startMs: number;
  #heardMs: number;
  #settingsAcknowledged = false;
  #nextPing = 1;
  /** The last ping of each kind; 0 when it was answered. */
  #alivePing = 0;
  #leavePing = 0;
  #pingMs = 0;
  /** A ping is on its way that asks whether the peer lives. */
  #asked = false;

  constructor(options: { limits: H2Limits; nowMs: number }) {
    this.#limits = options.limits;
    this.#startMs = options.nowMs;
    this.#heardMs = options.nowMs;
  }

  /** The peer read our SETTINGS. */
  get settled(): boolean {
    return this.#settingsAcknowledged;
  }

  /** False when there was nothing to acknowledge. */
  settingsAcknowledged(): boolean {
    const first = !this.#settingsAcknowledged;
    this.#settingsAcknowledged = true;
    return first;
  }

  /** Returns what says which ping it is. */
  pinged(kind: PingKind, nowMs: number): number {
    const opaque = this.#nextPing++;
    this.#pingMs = nowMs;
    if (kind === "leave") {
      this.#leavePing = opaque;
    } else {
      this.#alivePing = opaque;
      this.#asked = true;
    }
    return opaque;
  }

  /** Which of our pings was answered; undefined for none. */
  answered(opaque: number): PingKind | undefined {
    if (opaque === 0) return undefined;
    if (opaque === this.#leavePing) {
      this.#leavePing = 0;
      return "leave";
    }
    if (opaque !== this.#alivePing) return undefined;
    this.#alivePing = 0;
    return "alive";
  }

  pingAgeMs(nowMs: number): number {
    return nowMs - this.#pingMs;
  }

  look(at: {
    nowMs: number;
    handshaken: boolean;
    blockSinceMs: number | undefined;
    streams: number;
  }): Late | "ping" | undefined {
    const { nowMs } = at;
    const { handshakeMs, pingMs, pingTimeoutMs } = this.#limits;
    if (this.heard) {
      this.heard = false;
      this.#heardMs = nowMs;
      this.#asked = false;
    }
    if (nowMs - this.#startMs >= handshakeMs) {
      if (!at.handshaken) {
        return { counter: "handshakeTimeout", code: H2_ERROR.PROTOCOL_ERROR, reason: "No SETTINGS came" };
      }
      if (!this.#settingsAcknowledged) {
        return {
          counter: "settingsTimeout",
          code: H2_ERROR.SETTINGS_TIMEOUT,
          reason: "SETTINGS were not acknowledged",
        };
      }
    }
    if (at.blockSinceMs !== undefined && nowMs - at.blockSinceMs >= handshakeMs) {
      return {
        counter: "continuationFlood",
        code: H2_ERROR.ENHANCE_YOUR_CALM,
        reason: "A header block that does not end",
      };
    }
    if (this.#asked && nowMs - this.#pingMs >= pingTimeoutMs) {
      return { counter: "pingTimeout", code: H2_ERROR.INTERNAL_ERROR, reason: "The peer is silent" };
    }
    return at.streams > 0 && !this.#asked && nowMs - this.#heardMs >= pingMs ? "ping" : undefined;
  }
}

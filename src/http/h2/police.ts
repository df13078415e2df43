import type { Clock } from "#core/clock.ts";
import { H2_ERROR } from "./constants.ts";
import type { H2CounterName, H2Counters } from "./counters.ts";
import { type FloodKind, Guard } from "./guard.ts";
import type { Stream } from "./stream.ts";

const ERROR_COUNTERS: Readonly<Record<number, H2CounterName>> = {
  [H2_ERROR.PROTOCOL_ERROR]: "protocolError",
  [H2_ERROR.FLOW_CONTROL_ERROR]: "flowControlError",
  [H2_ERROR.FRAME_SIZE_ERROR]: "frameSizeError",
  [H2_ERROR.COMPRESSION_ERROR]: "compressionError",
  [H2_ERROR.STREAM_CLOSED]: "streamClosedError",
};

/** What happens for what a peer did wrong: counted, and the stream or the connection ended. */
export class Police {
  readonly guard: Guard;
  readonly #server: boolean;
  readonly #counters: H2Counters;
  readonly #close: (code: number, reason: string) => void;
  #closed = false;

  constructor(options: {
    server: boolean;
    clock: Clock;
    counters: H2Counters;
    close: (code: number, reason: string) => void;
  }) {
    this.guard = new Guard(options.clock);
    this.#server = options.server;
    this.#counters = options.counters;
    this.#close = options.close;
  }

  count(counter: H2CounterName): void {
    this.#counters[counter]++;
  }

  /** False when it is too much: the connection is closed. */
  spend(kind: FloodKind): boolean {
    return this.guard.allows(kind) || this.end(kind, H2_ERROR.ENHANCE_YOUR_CALM, `Too many: ${kind}`);
  }

  /** A connection error (RFC 9113 section 5.4.1). */
  fail(code: number, reason: string): false {
    return this.end(ERROR_COUNTERS[code] ?? "protocolError", code, reason);
  }

  end(counter: H2CounterName, code: number, reason: string): false {
    if (this.#closed) return false;
    this.#closed = true;
    this.#counters[counter]++;
    this.#close(code, reason);
    return false;
  }

  /** A stream error (RFC 9113 section 5.4.2). A client may not make a server reset streams without end. */
  refuse(stream: Stream, code: number, why: { counter: H2CounterName; reason: string }): void {
    this.#counters[why.counter]++;
    stream.abort(code, why.reason);
    if (this.#server) this.spend("provokedReset");
  }
}

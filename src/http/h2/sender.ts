import { DEFAULT_WINDOW_BYTES, FLUSH_BYTES, MAX_WINDOW_BYTES } from "./constants.ts";
import { Output } from "./output.ts";
import type { Stream } from "./stream.ts";
import { TurnQueue } from "#core/turn-queue.ts";

export interface SenderOptions {
  readonly send: (bytes: Uint8Array) => unknown;
  /** Runs `fn` at the end of this event-loop turn. */
  readonly soon: (fn: () => void) => void;
  readonly maxOutputBytes: number;
  /** So much waits for a transport that takes nothing. Never during a call of `written` or `wait`. */
  readonly onNotReading: () => void;
}

/**
 * When the output of a connection goes out, and whose data may be in it.
 *
 *   empty --frames--> gathering --end of turn, or 64 KiB--> given to the transport
 *                        ^  |                                    |
 *              unblocked |  | transport says blocked <-----------+
 *                        |  v
 *                      blocked: frames other than DATA gather, streams with data wait in turn
 */
export class Sender {
  readonly output = new Output();
  /** Sent since the connection began. */
  dataFrames = 0;
  readonly #options: SenderOptions;
  readonly #turns = new TurnQueue<Stream>();
  /** What may still be sent on all streams together. */
  #window = DEFAULT_WINDOW_BYTES;
  #blocked = false;
  #planned = false;
  #stopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Whether streams wait for their turn. */
  get contended(): boolean {
    return !this.#turns.empty;
  }

  /** How many bytes of DATA may go into the output now. */
  get room(): number {
    return this.#blocked || this.#stopped ? 0 : this.#window;
  }

  /** A DATA frame with so many bytes was put into the output. */
  spend(bytes: number): void {
    this.#window -= bytes;
    this.dataFrames++;
  }

  /** WINDOW_UPDATE for the connection; false when the window becomes absurd. */
  credit(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > MAX_WINDOW_BYTES) return false;
    if (!this.#turns.empty) this.#plan();
    return true;
  }

  /** Frames were put into the output: sends them soon. */
  written(): void {
    const { length } = this.output;
    if (this.#blocked) {
      if (length > this.#options.maxOutputBytes) this.#options.soon(this.#checkReading);
    } else if (length >= FLUSH_BYTES) {
      this.#flush();
    } else {
      this.#plan();
    }
  }

  /** Puts a stream in the queue of those that get a turn when there is room. */
  wait(stream: Stream): void {
    this.#turns.push(stream);
    if (this.room > 0) this.#plan();
  }

  setBlocked(blocked: boolean): void {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    if (!blocked) this.#plan();
  }

  /** Streams that wait get their turns, and everything goes out. */
  readonly endTurn = (): void => {
    this.#planned = false;
    if (this.#stopped) return;
    while (this.room > 0) {
      const stream = this.#turns.shift();
      if (stream === undefined) break;
      if (stream.turn()) this.#turns.push(stream);
      if (this.output.length >= FLUSH_BYTES) this.#flush();
    }
    this.#flush();
  };

  /** Runs `fn` at the end of this turn. */
  later(fn: () => void): void {
    this.#options.soon(fn);
  }

  /** Sends what waits, whatever the transport says, and nothing more. */
  stop(): void {
    if (this.#stopped) return;
    this.#blocked = false;
    this.#flush();
    this.#stopped = true;
  }

  /** The transport is gone. */
  drop(): void {
    this.#stopped = true;
    this.output.length = 0;
    this.output.trim();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#options.soon(this.endTurn);
  }

  #flush(): void {
    if (!this.#blocked && !this.#stopped) this.output.flush(this.#options.send);
  }

  readonly #checkReading = (): void => {
    if (this.#blocked && this.output.length > this.#options.maxOutputBytes) this.#options.onNotReading();
  };
}

import { FLUSH_BYTES, SMALL_WRITE_BYTES } from "./constants.ts";
import type { LinkLimits } from "./limits.ts";
import { Output } from "./output.ts";
import type { Stream } from "./stream.ts";
import { TurnQueue } from "#core/turn-queue.ts";
import type { Wire } from "./wire.ts";

export interface SenderOptions {
  readonly wire: Wire;
  readonly limits: LinkLimits;
  /** Runs `fn` at the end of this event-loop turn. */
  readonly soon: (fn: () => void) => void;
  /** The wire took all, at the end of a turn or after it was full. */
  readonly onEmpty: () => void;
  /** The wire is closed, or the peer leaves so many bytes unread. Never during a call of `written` or `wait`. */
  readonly onBroken: (unreadBytes: number) => void;
}

/**
 * When the output of a lane goes to its wire, and who may add to it.
 *
 *   empty --frames--> gathering --end of turn, or 64 KiB--> written --wire took all--> empty
 *                                                              |  ^
 *                                        wire took a part      v  | drained
 *                                                            blocked: frames gather, streams with bulk wait in turn
 */
export class Sender {
  readonly output = new Output();
  readonly #options: SenderOptions;
  readonly #turns = new TurnQueue<Stream>();
  #blocked = false;
  #planned = false;
  #stopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Whether streams wait for their turn. */
  get contended(): boolean {
    return !this.#turns.empty;
  }

  /** Whether a write of `bytes` may go into the output now. */
  hasRoom(bytes: number): boolean {
    const { limits } = this.#options;
    return this.output.size < (bytes <= SMALL_WRITE_BYTES ? limits.laneMaxBytes : limits.laneHighBytes);
  }

  /** Frames were put into the output: sends them soon. */
  written(): void {
    if (this.#blocked) {
      if (this.output.size > this.#options.limits.laneCloseBytes) this.#breakSoon();
    } else if (this.output.size >= FLUSH_BYTES) {
      this.flush();
    } else {
      this.#plan();
    }
  }

  /** Puts a stream in the queue of those that get a turn when there is room. */
  wait(stream: Stream): void {
    this.#turns.push(stream);
    if (!this.#blocked) this.#plan();
  }

  /** Gives the wire what it takes now. */
  flush(): void {
    if (this.#blocked || this.#stopped) return;
    if (!this.output.flush(this.#options.wire)) this.#breakSoon();
    this.#blocked = this.output.size > 0;
  }

  /** The wire takes more again. */
  drained(): void {
    this.#blocked = false;
    this.#send();
  }

  /** Each that waits sends a bounded part, in turn, while there is room. */
  takeTurns(): void {
    while (this.hasRoom(FLUSH_BYTES) && !this.#stopped) {
      const stream = this.#turns.shift();
      if (stream === undefined) return;
      if (stream.turn()) this.#turns.push(stream);
    }
  }

  /** Ends the wire, after what it takes of the output; cuts it where it takes nothing. */
  stop(): void {
    if (this.#stopped) return;
    this.flush();
    this.#stopped = true;
    if (this.#blocked) this.#options.wire.destroy();
    else this.#options.wire.end();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#options.soon(this.#endOfTurn);
  }

  readonly #endOfTurn = (): void => {
    this.#planned = false;
    this.#send();
  };

  #send(): void {
    if (this.#stopped) return;
    this.flush();
    if (!this.#turns.empty) this.takeTurns();
    if (this.output.size === 0) this.#options.onEmpty();
  }

  /** What is found in the middle of a caller's write must not reset its stream under its hands. */
  #breakSoon(): void {
    this.#options.soon(() => {
      const { limits, onBroken } = this.#options;
      if (!this.#stopped) onBroken(this.output.size > limits.laneCloseBytes ? this.output.size : 0);
    });
  }
}

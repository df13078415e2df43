import { retain } from "#core/bytes.ts";
import { IsthmusError } from "#core/errors.ts";
import { MAX_PAYLOAD_BYTES, TURN_BYTES } from "./constants.ts";
import type { LaneMemory } from "./lane-memory.ts";
import type { ResetCode } from "./reset-code.ts";
import type { Sender } from "./sender.ts";
import type { LinkStream, StreamHandler, StreamOpen } from "./types.ts";

/** What a stream needs of its lane. */
export interface StreamCarrier {
  readonly sender: Sender;
  readonly memory: LaneMemory;
  /** Least round trip time seen of late, ms; 0 when not known. */
  readonly leastRttMs: number;
  readonly maxWindowBytes: number;
  /** A GOAWAY was sent or received. */
  readonly draining: boolean;
  nowMs(): number;
  /** The stream is over: its id is not looked up any more. */
  forget(stream: Stream): void;
  /** The stream carries more than a first window: new streams look for another lane. */
  bulkChanged(delta: 1 | -1): void;
}

/** Credit is given back when it is this part of the window: three quarters and more of it are with the sender or on their way. */
const GRANT_PARTS = 4;

/** A rate is taken over no less: within a turn, bytes are consumed at the speed of memory. */
const MEASURE_MS = 10;

/**
 * What both ends need under load to get at what has arrived, beside the round trip of an idle lane. On loopback this costs no
 * throughput against 1 ms, and puts a quarter of the bytes in front of others.
 */
const TURN_MS = 0.25;

/** What a stream reports to until its owner sets a handler; the lane refuses a stream that kept it. */
export const NO_HANDLER: StreamHandler = { onData() {}, onFin() {}, onReset() {}, onWritable() {} };

/**
 * One stream: windows, half close, abort. The lane gives it the frames.
 *
 *                  fin() and all sent           FIN received
 *        open ------------------------> sent FIN ------------+
 *         |                                                  v
 *         +--- FIN received ---> got FIN --- fin(), sent --> over
 *         |
 *         +--- reset(), RESET received, lane lost ---------> over   (also from sent FIN and got FIN)
 */
export class Stream implements LinkStream {
  handler: StreamHandler;
  readonly id: number;
  readonly open: StreamOpen;
  /** Next in the lane's queue of those that wait for a turn. */
  next: Stream | undefined = undefined;
  waiting = false;
  /** Received and not yet consumed. */
  unconsumedBytes = 0;
  /** Written and not yet in the output of the lane. */
  pendingBytes = 0;

  readonly #carrier: StreamCarrier;
  #over = false;
  #finAsked = false;
  #finSent = false;
  #finReceived = false;
  /** `write` returned false: `onWritable` is owed. */
  #blocked = false;
  #bulk = false;
  /** What we may still send. */
  #credit: number;
  #pending: Uint8Array[] | undefined;
  #pendingAt = 0;
  /** What the peer may still send. */
  #window: number;
  #windowBytes: number;
  /** Consumed and not yet given back as credit. */
  #owed = 0;
  /** Consumed since `#measuredMs`, to know how fast the reader is. */
  #measured = 0;
  #measuredMs = 0;

  constructor(from: {
    id: number;
    open: StreamOpen;
    handler: StreamHandler;
    carrier: StreamCarrier;
    sendCredit: number;
    receiveWindow: number;
  }) {
    this.id = from.id;
    this.open = from.open;
    this.handler = from.handler;
    this.#carrier = from.carrier;
    this.#credit = from.sendCredit;
    this.#window = from.receiveWindow;
    this.#windowBytes = from.receiveWindow;
  }

  get draining(): boolean {
    return this.#over || this.#carrier.draining;
  }

  write(chunk: Uint8Array): boolean {
    return this.#put(chunk, true);
  }

  give(chunk: Uint8Array): boolean {
    return this.#put(chunk, false);
  }

  fin(): void {
    if (this.#over || this.#finAsked) return;
    this.#finAsked = true;
    this.#blocked = false;
    if (this.#pending === undefined) this.#sendFin();
  }

  reset(code: ResetCode, reason = ""): void {
    if (this.#over) return;
    this.#carrier.sender.output.reset(this.id, code, reason);
    this.#abort();
    this.#carrier.sender.written();
  }

  consumed(bytes: number): void {
    const taken = Math.min(bytes, this.unconsumedBytes);
    this.unconsumedBytes -= taken;
    this.#carrier.memory.unconsumedChanged(-taken);
    if (this.#over || this.#finReceived) return;
    this.#owed += taken;
    if (this.#owed * GRANT_PARTS >= this.#windowBytes) this.#grant();
  }

  /** A DATA piece came. Returns what is wrong with it, if anything. */
  receive(piece: Uint8Array): "overCredit" | "badStream" | undefined {
    if (this.#finReceived) return "badStream";
    const length = piece.length;
    if (length > this.#window) return "overCredit";
    this.#window -= length;
    this.unconsumedBytes += length;
    this.#carrier.memory.unconsumedChanged(length);
    this.handler.onData(piece);
    return undefined;
  }

  /** FIN came; false when it came before. */
  receiveFin(): boolean {
    if (this.#finReceived) return false;
    this.#finReceived = true;
    if (this.#finSent) this.#finish();
    this.handler.onFin();
    return true;
  }

  /** RESET came, or the lane is lost. */
  receiveReset(code: ResetCode, reason: string): void {
    if (this.#over) return;
    this.#abort();
    this.handler.onReset(code, reason);
  }

  /** WINDOW came; false when the credit is absurd. */
  receiveCredit(bytes: number): boolean {
    this.#credit += bytes;
    if (this.#credit > 0x7fff_ffff) return false;
    this.#becomeBulk();
    if (this.#pending !== undefined || this.#blocked) this.#carrier.sender.wait(this);
    return true;
  }

  /** Its turn on the lane: sends a bounded part of what waits. Returns whether it wants another turn. */
  turn(): boolean {
    if (this.#over) return false;
    if (this.#pending !== undefined) {
      this.#sendPending();
      if (this.#pending !== undefined) return this.#credit > 0;
      if (this.#finAsked) {
        this.#sendFin();
        return false;
      }
    }
    if (this.#blocked && this.#credit > 0) {
      this.#blocked = false;
      this.handler.onWritable();
    }
    return false;
  }

  #put(chunk: Uint8Array, copy: boolean): boolean {
    if (this.#over) return false;
    if (this.#finAsked) throw new IsthmusError("INTERNAL", "Write on a stream after its end");
    const length = chunk.length;
    let sent = 0;
    if (this.#pending === undefined) {
      const most = this.#carrier.sender.contended ? Math.min(length, TURN_BYTES) : length;
      sent = this.#send(chunk, 0, most);
    }
    if (sent < length) this.#keep(copy ? chunk.slice(sent) : retain(chunk, sent));
    if (this.#pending === undefined && this.#credit > 0 && this.#carrier.sender.hasRoom(MAX_PAYLOAD_BYTES))
      return true;
    this.#blocked = true;
    if (this.#credit > 0) this.#carrier.sender.wait(this);
    return false;
  }

  /** Puts frames for `chunk[from, to)` into the output as far as credit and the lane allow; returns up to where. */
  #send(chunk: Uint8Array, from: number, to: number): number {
    const carrier = this.#carrier;
    let at = from;
    while (at < to && this.#credit > 0 && carrier.sender.hasRoom(to - from)) {
      const end = Math.min(to, at + MAX_PAYLOAD_BYTES, at + this.#credit);
      carrier.sender.output.data(this.id, chunk, at, end);
      this.#credit -= end - at;
      at = end;
      carrier.sender.written();
    }
    return at;
  }

  #sendPending(): void {
    const pending = this.#pending!;
    let budget = TURN_BYTES;
    while (pending.length > 0 && budget > 0) {
      const first = pending[0]!;
      const from = this.#pendingAt;
      const to = this.#send(first, from, Math.min(first.length, from + budget));
      if (to === from) return;
      budget -= to - from;
      this.pendingBytes -= to - from;
      this.#carrier.memory.pendingChanged(from - to);
      this.#pendingAt = to;
      if (to < first.length) continue;
      pending.shift();
      this.#pendingAt = 0;
    }
    if (pending.length === 0) this.#pending = undefined;
  }

  #keep(rest: Uint8Array): void {
    if (this.#pending === undefined) this.#pending = [rest];
    else this.#pending.push(rest);
    this.pendingBytes += rest.length;
    this.#carrier.memory.pendingChanged(rest.length);
  }

  #sendFin(): void {
    this.#carrier.sender.output.fin(this.id);
    this.#finSent = true;
    if (this.#finReceived) this.#finish();
    this.#carrier.sender.written();
  }

  /**
   * Gives credit back. The window grows to twice what was consumed in one round trip, so that a fast reader far away is not
   * held up by the credit on its way; the least round trip is taken, not the present one, so that a window never grows
   * from the queue that it makes itself.
   */
  #grant(): void {
    const carrier = this.#carrier;
    const now = carrier.nowMs();
    const tripMs = carrier.leastRttMs + TURN_MS;
    let credit = this.#owed;
    this.#measured += this.#owed;
    if (this.#measuredMs === 0) {
      this.#measured = 0;
      this.#measuredMs = now;
    } else if (now - this.#measuredMs >= Math.max(carrier.leastRttMs, MEASURE_MS)) {
      const wanted = ((2 * this.#measured) / (now - this.#measuredMs)) * tripMs;
      this.#measured = 0;
      this.#measuredMs = now;
      if (wanted > this.#windowBytes && this.#windowBytes < carrier.maxWindowBytes && carrier.memory.plenty) {
        const size = Math.floor(Math.min(wanted, 2 * this.#windowBytes, carrier.maxWindowBytes));
        credit += size - this.#windowBytes;
        this.#windowBytes = size;
      }
    }
    this.#owed = 0;
    this.#window += credit;
    carrier.sender.output.window(this.id, credit);
    this.#becomeBulk();
    carrier.sender.written();
  }

  #becomeBulk(): void {
    if (this.#bulk) return;
    this.#bulk = true;
    this.#carrier.bulkChanged(1);
  }

  #abort(): void {
    if (this.#pending !== undefined) {
      this.#pending = undefined;
      this.#carrier.memory.pendingChanged(-this.pendingBytes);
      this.pendingBytes = 0;
    }
    this.#finish();
  }

  /** What its owner has not consumed by now is no longer counted here: an owner that is gone would never tell. */
  #finish(): void {
    this.#over = true;
    this.#carrier.memory.unconsumedChanged(-this.unconsumedBytes);
    this.unconsumedBytes = 0;
    if (this.#bulk) this.#carrier.bulkChanged(-1);
    this.#carrier.forget(this);
  }
}

import type { Field, KnownField } from "#http/hpack/field.ts";
import { MAX_FRAME_BYTES, MAX_WINDOW_BYTES } from "./constants.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { Sender } from "./sender.ts";
import type { H2Handler, H2Stream } from "./types.ts";

/** What a stream needs of its connection. */
export interface StreamCarrier {
  readonly sender: Sender;
  /** So many bytes of a stream need no place in the connection's window any more. */
  credit(bytes: number): void;
  /** Bytes that wait here changed. */
  heldChanged(delta: number): void;
  /** The stream is over; `ended` by END_STREAM in both directions, else frames for it may still be on their way. */
  forget(stream: Stream, ended: boolean): void;
}

/** One call of `data` puts no more into the output at once; the rest waits its turn. */
const BURST_FRAMES = 4;

/** What a stream reports to until its owner sets a handler; the session refuses a stream that kept it. */
export const NO_HANDLER: H2Handler = { onHeaders() {}, onData() {}, onReset() {}, onWritable() {} };

/**
 * One stream (RFC 9113 section 5.1) from the moment it is open: windows, half close, reset. The session gives it the frames.
 *
 *              END_STREAM sent            END_STREAM received
 *        open ----------------> local ended -----------------+
 *         |                                                  v
 *         +-- END_STREAM received --> remote ended -- sent --> over
 *         |
 *         +-- reset(), RST_STREAM, connection lost ----------> over   (also from both others)
 */
export class Stream implements H2Stream {
  readonly id: number;
  handler: H2Handler;
  over = false;
  remoteEnded = false;
  /** Next in the queue of those that wait for a turn. */
  next: Stream | undefined = undefined;
  waiting = false;
  /** Some of what is held went out since this was last looked at, and when that was. */
  moved = true;
  movedMs = 0;
  /** Client: the response, and not only informational ones, came. Server: always. */
  headersDone: boolean;
  /** Client: the request was HEAD, so that content-length says nothing. */
  readonly head: boolean;

  readonly #carrier: StreamCarrier;
  /** Made when something has to wait. */
  #held: HeldBytes | undefined;
  readonly #receive: ReceiveWindow;
  #sendWindow: number;
  /** No more from this side, though some may be held. */
  #endAsked = false;
  #localEnded = false;
  #trailers: readonly Field[] | undefined;
  /** `data` returned false: `onWritable` is owed. */
  #blocked = false;
  #unconsumed = 0;
  /** What content-length lets come yet; -1 when it was not said. */
  #expected = -1;

  constructor(from: {
    id: number;
    handler: H2Handler;
    carrier: StreamCarrier;
    sendWindow: number;
    receive: ReceiveWindow;
    /** Client: waits for a response, which has no data after HEAD. */
    awaits: "nothing" | "response" | "responseToHead";
  }) {
    this.id = from.id;
    this.handler = from.handler;
    this.#carrier = from.carrier;
    this.#sendWindow = from.sendWindow;
    this.#receive = from.receive;
    this.headersDone = from.awaits === "nothing";
    this.head = from.awaits === "responseToHead";
  }

  get heldBytes(): number {
    return this.#held === undefined ? 0 : this.#held.bytes;
  }

  headers(fields: readonly Field[], endStream: boolean): void {
    if (this.over || this.#endAsked) return;
    if (endStream) {
      this.#endAsked = true;
      if (this.heldBytes > 0) {
        this.#trailers = fields;
        return;
      }
    }
    const { sender } = this.#carrier;
    sender.output.headers(this.id, fields, endStream);
    sender.written();
    if (endStream) this.#endLocal();
  }

  data(chunk: Uint8Array, endStream: boolean): boolean {
    if (this.over || this.#endAsked) return false;
    this.#endAsked = endStream;
    const { sender } = this.#carrier;
    let sent = 0;
    if (this.heldBytes === 0) {
      if (chunk.length === 0 && !endStream) return true;
      sent = this.#sendNow(chunk, endStream);
      if (sent === chunk.length) {
        if (endStream) this.#endLocal();
        else if (sender.room === 0 || this.#sendWindow <= 0) this.#block();
        return !this.#blocked;
      }
    }
    const held = (this.#held ??= new HeldBytes());
    if (held.bytes === 0) this.moved = true;
    held.push(chunk, sent);
    this.#carrier.heldChanged(chunk.length - sent);
    this.#block();
    return false;
  }

  reset(code: number): void {
    if (this.over) return;
    const { sender } = this.#carrier;
    sender.output.reset(this.id, code);
    sender.written();
    this.#finish(false);
  }

  consumed(bytes: number): void {
    const taken = Math.min(bytes, this.#unconsumed);
    if (taken <= 0) return;
    this.#unconsumed -= taken;
    this.#carrier.credit(taken);
    if (this.over || this.remoteEnded) return;
    const grant = this.#receive.give(taken);
    if (grant === 0) return;
    const { sender } = this.#carrier;
    sender.output.windowUpdate(this.id, grant);
    sender.written();
  }

  // From the session.

  /** content-length of the message that begins; -1 when it has none. */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  /** The message ended; whether all came that content-length said. */
  get complete(): boolean {
    return this.#expected <= 0;
  }

  /** A DATA frame begins; false when it is past the window. */
  receiveFrame(length: number): boolean {
    return this.#receive.take(length);
  }

  /** So much of a frame was padding. */
  receivePadding(bytes: number): void {
    this.#unconsumed += bytes;
    this.consumed(bytes);
  }

  /** Returns false when it does not agree with content-length; nothing was then given on. */
  receiveData(piece: Uint8Array, endStream: boolean): boolean {
    const { length } = piece;
    this.#unconsumed += length;
    if (this.#expected >= 0) {
      this.#expected -= length;
      if (this.#expected < 0 || (endStream && this.#expected > 0)) return false;
    }
    if (endStream) this.#endRemote();
    this.handler.onData(piece, endStream);
    return true;
  }

  receiveHeaders(fields: readonly KnownField[], endStream: boolean): void {
    if (endStream) this.#endRemote();
    this.handler.onHeaders(fields, endStream);
  }

  /** The request was whole with its header block; nothing is told. */
  receiveEnd(): void {
    this.#endRemote();
  }

  /** It is over for a reason that its owner did not give. */
  lose(code: number, reason: string): void {
    if (this.over) return;
    this.#finish(false);
    this.handler.onReset(code, reason);
  }

  /** Like `lose`, and the peer is told. */
  abort(code: number, reason: string): void {
    if (this.over) return;
    this.reset(code);
    this.handler.onReset(code, reason);
  }

  /** WINDOW_UPDATE or a new initial window; false when the window becomes absurd. */
  creditSend(bytes: number): boolean {
    this.#sendWindow += bytes;
    if (this.#sendWindow > MAX_WINDOW_BYTES) return false;
    if (this.#sendWindow > 0 && (this.heldBytes > 0 || this.#blocked)) this.#carrier.sender.wait(this);
    return true;
  }

  /** Its turn: sends one frame of what is held. Returns whether it wants another turn. */
  turn(): boolean {
    if (this.over) return false;
    if (this.#held !== undefined && this.#held.bytes > 0) {
      this.#sendHeld(this.#held);
      if (this.heldBytes > 0) return this.#sendWindow > 0;
    }
    if (this.#blocked && !this.#endAsked && this.#sendWindow > 0) {
      if (this.#carrier.sender.room === 0) return true;
      this.#blocked = false;
      this.handler.onWritable();
    }
    return false;
  }

  #sendNow(chunk: Uint8Array, endStream: boolean): number {
    const { sender } = this.#carrier;
    const { length } = chunk;
    if (length === 0) {
      this.#frame(chunk, { from: 0, to: 0, end: true });
      return 0;
    }
    if (sender.contended) return 0;
    let sent = 0;
    for (let frames = 0; frames < BURST_FRAMES && sent < length; frames++) {
      const most = Math.min(MAX_FRAME_BYTES, sender.room, this.#sendWindow);
      if (most <= 0) break;
      const to = Math.min(length, sent + most);
      this.#frame(chunk, { from: sent, to, end: endStream && to === length });
      sent = to;
    }
    return sent;
  }

  #frame(chunk: Uint8Array, part: { from: number; to: number; end: boolean }): void {
    const { sender } = this.#carrier;
    const length = part.to - part.from;
    sender.output.dataHeader(this.id, length, part.end);
    if (length > 0) sender.output.dataPart(chunk, part.from, part.to);
    this.#sendWindow -= length;
    sender.spend(length);
    sender.written();
  }

  #sendHeld(held: HeldBytes): void {
    const { sender } = this.#carrier;
    const length = Math.min(held.bytes, MAX_FRAME_BYTES, sender.room, this.#sendWindow);
    if (length <= 0) return;
    const last = this.#endAsked && length === held.bytes;
    sender.output.dataHeader(this.id, length, last && this.#trailers === undefined);
    held.moveTo(sender.output, length);
    this.moved = true;
    this.#carrier.heldChanged(-length);
    this.#sendWindow -= length;
    sender.spend(length);
    if (!last) return;
    if (this.#trailers !== undefined) sender.output.headers(this.id, this.#trailers, true);
    this.#endLocal();
  }

  #block(): void {
    this.#blocked = true;
    if (this.#sendWindow > 0) this.#carrier.sender.wait(this);
  }

  #endLocal(): void {
    this.#endAsked = true;
    this.#localEnded = true;
    if (this.remoteEnded) this.#finish(true);
  }

  #endRemote(): void {
    this.remoteEnded = true;
    if (this.#localEnded) this.#finish(true);
  }

  #finish(ended: boolean): void {
    this.over = true;
    const held = this.heldBytes;
    this.#held = undefined;
    this.#trailers = undefined;
    if (held > 0) this.#carrier.heldChanged(-held);
    const unconsumed = this.#unconsumed;
    this.#unconsumed = 0;
    if (unconsumed > 0) this.#carrier.credit(unconsumed);
    this.#carrier.forget(this, ended);
  }
}

import { FRAME, HEADER_BYTES, MAX_REASON_BYTES, type GoAwayKind } from "./constants.ts";
import { encodeOpen, MAX_ENCODED_OPEN_BYTES } from "./open-codec.ts";
import { RESET_CODES, type ResetCode } from "./reset-code.ts";
import type { StreamOpen } from "./types.ts";
import type { Wire } from "./wire.ts";

const FIRST_BYTES = 16 * 1024;
/** A buffer larger than this is let go when it is empty. */
const KEEP_BYTES = 512 * 1024;

/** A piece `[from, to)` of a control message. */
export interface ControlPart {
  readonly message: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * The output of a lane: frames are encoded straight into one buffer that is used again and again, and leave it in one
 * write for all streams. It never refuses; its user looks at `size`.
 */
export class Output {
  /** Bytes that wait. */
  size = 0;
  framesOut = 0;
  bytesOut = 0;
  socketWrites = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  #start = 0;
  #end = 0;

  data(streamId: number, chunk: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const at = this.#frame(FRAME.DATA, streamId, length);
    if (from === 0 && to === chunk.length) this.#bytes.set(chunk, at);
    else this.#bytes.set(chunk.subarray(from, to), at);
  }

  open(streamId: number, open: StreamOpen): void {
    this.#reserve(HEADER_BYTES + MAX_ENCODED_OPEN_BYTES);
    const at = this.#end + HEADER_BYTES;
    const end = encodeOpen(this.#bytes, at, open);
    this.#frame(FRAME.OPEN, streamId, end - at);
  }

  fin(streamId: number): void {
    this.#frame(FRAME.FIN, streamId, 0);
  }

  reset(streamId: number, code: ResetCode, reason: string): void {
    this.#text(FRAME.RESET, streamId, RESET_CODES[code], reason);
  }

  window(streamId: number, credit: number): void {
    this.#u32(this.#frame(FRAME.WINDOW, streamId, 4), credit);
  }

  ping(token: number): void {
    const at = this.#frame(FRAME.PING, 0, 8);
    this.#u32(at, token);
    this.#u32(at + 4, 0);
  }

  /** Gives the 8 bytes of a PING back as they came. */
  pong(from: Uint8Array, offset: number): void {
    const at = this.#frame(FRAME.PONG, 0, 8);
    for (let i = 0; i < 8; i++) this.#bytes[at + i] = from[offset + i]!;
  }

  goAway(kind: GoAwayKind, reason: string): void {
    this.#text(FRAME.GOAWAY, 0, kind, reason);
  }

  hello(payload: Uint8Array): void {
    this.#bytes.set(payload, this.#frame(FRAME.HELLO, 0, payload.length));
  }

  /** A part of a control message; control.ts has its layout. */
  control(kind: number, seq: number, part?: ControlPart): void {
    if (part === undefined) {
      const at = this.#frame(FRAME.CONTROL, 0, 5);
      this.#bytes[at] = kind;
      this.#u32(at + 1, seq);
      return;
    }
    const at = this.#frame(FRAME.CONTROL, 0, 13 + part.to - part.from);
    this.#bytes[at] = kind;
    this.#u32(at + 1, seq);
    this.#u32(at + 5, part.message.length);
    this.#u32(at + 9, part.from);
    this.#bytes.set(part.message.subarray(part.from, part.to), at + 13);
  }

  /** Gives the wire what it takes; false when the wire is closed. */
  flush(wire: Wire): boolean {
    if (this.size === 0) return true;
    const taken = wire.write(this.#bytes, this.#start, this.size);
    if (taken < 0) return false;
    this.socketWrites++;
    this.bytesOut += taken;
    this.size -= taken;
    if (this.size > 0) {
      this.#start += taken;
      return true;
    }
    this.#start = 0;
    this.#end = 0;
    if (this.#bytes.length > KEEP_BYTES) this.trim();
    return true;
  }

  /** Lets the buffer go where nothing waits, for a lane that is idle. */
  trim(): void {
    if (this.size === 0 && this.#bytes.length > FIRST_BYTES) this.#bytes = new Uint8Array(FIRST_BYTES);
  }

  /** Writes a header, makes room for `length` bytes behind it and returns where they go. */
  #frame(type: number, streamId: number, length: number): number {
    this.#reserve(HEADER_BYTES + length);
    const bytes = this.#bytes;
    const at = this.#end;
    bytes[at] = length;
    bytes[at + 1] = length >> 8;
    bytes[at + 2] = length >> 16;
    bytes[at + 3] = type;
    this.#u32(at + 4, streamId);
    this.#end = at + HEADER_BYTES + length;
    this.size += HEADER_BYTES + length;
    this.framesOut++;
    return at + HEADER_BYTES;
  }

  #text(type: number, streamId: number, code: number, text: string): void {
    const encoded = text === "" ? 0 : encodeText(text);
    const at = this.#frame(type, streamId, 1 + encoded);
    this.#bytes[at] = code;
    if (encoded > 0) this.#bytes.set(textBytes.subarray(0, encoded), at + 1);
  }

  #u32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >> 8;
    bytes[at + 2] = value >> 16;
    bytes[at + 3] = value >>> 24;
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    if (this.#start > 0 && this.size + length <= this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
    } else {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.size + length));
      grown.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = grown;
    }
    this.#start = 0;
    this.#end = this.size;
  }
}

const textEncoder = new TextEncoder();
const textBytes = new Uint8Array(MAX_REASON_BYTES);

/** Encodes as much of `text` as fits, in whole characters. */
function encodeText(text: string): number {
  return textEncoder.encodeInto(text, textBytes).written;
}

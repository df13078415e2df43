import { HpackEncoder, type HpackOutput } from "#http/hpack/encoder.ts";
import type { Field } from "#http/hpack/field.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, SETTING } from "./constants.ts";

const FIRST_BYTES = 4 * 1024;
/** A buffer larger than this is let go when it is empty. */
const KEEP_BYTES = 128 * 1024;

/**
 * The output of a connection: frames are encoded straight into one buffer, and leave it together. It never refuses; its user
 * looks at `length`.
 */
export class Output implements HpackOutput {
  bytes: Uint8Array = NO_BYTES;
  /** Bytes that wait. */
  length = 0;
  readonly hpack = new HpackEncoder();

  reserve(more: number): void {
    const need = this.length + more;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(FIRST_BYTES, this.bytes.length * 2, need));
    if (this.length > 0) grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Gives what waits to `send`, which returns true when the memory is free again; else it was given away. */
  flush(send: (bytes: Uint8Array) => unknown): void {
    const { bytes, length } = this;
    if (length === 0) return;
    this.length = 0;
    this.bytes = NO_BYTES;
    const free = send(bytes.subarray(0, length)) === true;
    // `send` may have led to more output already.
    if (free && this.length === 0 && bytes.length <= KEEP_BYTES) this.bytes = bytes;
  }

  /** Lets the buffer go where nothing waits, and what is only kept to be fast, for a connection that is idle. */
  trim(): void {
    if (this.length === 0) this.bytes = NO_BYTES;
    this.hpack.trim();
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A DATA frame whose payload is written by `fill` in pieces that make up `length`, which is at most `MAX_FRAME_BYTES`. */
  dataHeader(streamId: number, length: number, endStream: boolean): void {
    this.#frame({ type: FRAME.DATA, flags: endStream ? FLAG.END_STREAM : 0, streamId, length });
    this.reserve(length);
  }

  /** A part of the payload of the last `dataHeader`. */
  dataPart(chunk: Uint8Array, from: number, to: number): void {
    this.bytes.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** HEADERS, and CONTINUATION where the block is larger than a frame. */
  headers(streamId: number, fields: readonly Field[], endStream: boolean): void {
    const headAt = this.length;
    const end = endStream ? FLAG.END_STREAM : 0;
    this.#frame({ type: FRAME.HEADERS, flags: end | FLAG.END_HEADERS, streamId, length: 0 });
    const from = this.length;
    this.hpack.encode(fields, this);
    const length = this.length - from;
    if (length <= MAX_FRAME_BYTES) {
      this.#writeLength(headAt, length);
      return;
    }
    const block = this.bytes.slice(from, this.length);
    this.length = headAt;
    for (let at = 0; at < length; at += MAX_FRAME_BYTES) {
      const to = Math.min(length, at + MAX_FRAME_BYTES);
      const flags = (at === 0 ? end : 0) | (to === length ? FLAG.END_HEADERS : 0);
      this.#frame({ type: at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, streamId, length: to - at });
      this.raw(block.subarray(at, to));
    }
  }

  reset(streamId: number, code: number): void {
    this.#frame({ type: FRAME.RST_STREAM, flags: 0, streamId, length: 4 });
    this.#u32(code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#frame({ type: FRAME.WINDOW_UPDATE, flags: 0, streamId, length: 4 });
    this.#u32(increment);
  }

  settings(settings: Partial<Record<keyof typeof SETTING, number>>): void {
    const entries = Object.entries(settings) as [keyof typeof SETTING, number][];
    this.#frame({ type: FRAME.SETTINGS, flags: 0, streamId: 0, length: entries.length * 6 });
    for (const [name, value] of entries) {
      this.reserve(6);
      this.bytes[this.length++] = 0;
      this.bytes[this.length++] = SETTING[name];
      this.#u32(value);
    }
  }

  settingsAck(): void {
    this.#frame({ type: FRAME.SETTINGS, flags: FLAG.ACK, streamId: 0, length: 0 });
  }

  /** `opaque` says which of our pings it is. */
  ping(opaque: number): void {
    this.#frame({ type: FRAME.PING, flags: 0, streamId: 0, length: 8 });
    this.#u32(0);
    this.#u32(opaque);
  }

  /** Gives the 8 octets of a PING back. */
  pingAck(from: Uint8Array, at: number): void {
    this.#frame({ type: FRAME.PING, flags: FLAG.ACK, streamId: 0, length: 8 });
    this.raw(from.subarray(at, at + 8));
  }

  goAway(lastStreamId: number, code: number, reason: string): void {
    const debug = new TextEncoder().encode(reason);
    this.#frame({ type: FRAME.GOAWAY, flags: 0, streamId: 0, length: 8 + debug.length });
    this.#u32(lastStreamId);
    this.#u32(code);
    this.raw(debug);
  }

  #frame(header: { type: number; flags: number; streamId: number; length: number }): void {
    this.reserve(FRAME_HEADER_BYTES);
    const at = this.length;
    this.length = at + 5;
    this.#writeLength(at, header.length);
    this.bytes[at + 3] = header.type;
    this.bytes[at + 4] = header.flags;
    this.#u32(header.streamId);
  }

  #writeLength(at: number, length: number): void {
    this.bytes[at] = length >> 16;
    this.bytes[at + 1] = length >> 8;
    this.bytes[at + 2] = length;
  }

  #u32(value: number): void {
    this.reserve(4);
    const { bytes, length } = this;
    bytes[length] = value >>> 24;
    bytes[length + 1] = value >> 16;
    bytes[length + 2] = value >> 8;
    bytes[length + 3] = value;
    this.length = length + 4;
  }
}

const NO_BYTES = new Uint8Array(0);

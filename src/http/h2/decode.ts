import { FLAG, FRAME, FRAME_HEADER_BYTES } from "./constants.ts";
import { type FrameHeader, readU31 } from "./frame.ts";

/** Where decoded frames go. A call may stop the decoder; nothing more is then called. */
export interface FrameSink {
  /** A frame begins. Whoever finds it wrong stops the decoder. False: its payload is skipped. The header is used again. */
  onFrameHeader(header: FrameHeader): boolean;
  /** A frame that is not DATA, whole; the payload is `bytes[from, to)` and only valid during the call. */
  onFrame(header: FrameHeader, bytes: Uint8Array, from: number, to: number): void;
  /**
   * A piece of a DATA payload as it lies in the chunk that was fed, without padding; a frame that the network cut comes in
   * several. `last` when the frame is complete, padding included: only then the piece may be empty.
   */
  onDataPiece(header: FrameHeader, piece: Uint8Array, last: boolean): void;
  /** The padding of a DATA frame is longer than the frame; the decoder has stopped. */
  onBadPadding(header: FrameHeader): void;
}

interface MutableHeader extends FrameHeader {
  length: number;
  type: number;
  flags: number;
  streamId: number;
}

/**
 * Takes bytes in whatever pieces they come and gives out frames. DATA is never copied nor gathered; of the other frames only
 * one that was cut is, so a peer can make this hold at most one payload.
 *
 *            header whole            DATA        [pad length] -> pieces -> padding skipped
 *   header ---------------> payload ----> ...
 *     ^  (cut: gathered)       | other: whole, or gathered when cut; or skipped
 *     +------------------------+
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES);
  #headBytes = 0;
  readonly #frame: MutableHeader = { length: 0, type: 0, flags: 0, streamId: 0 };
  #mode: "head" | "gather" | "skip" | "padLength" | "data" = "head";
  /** What is missing of the payload, or of the data in it. */
  #missing = 0;
  /** Padding behind the data. */
  #padding = 0;
  #gathered: Uint8Array = NO_BYTES;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  stop(): void {
    this.#stopped = true;
    this.#gathered = NO_BYTES;
  }

  feed(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end && !this.#stopped) {
      switch (this.#mode) {
        case "head":
          at = this.#header(chunk, at);
          break;
        case "gather":
          at = this.#gather(chunk, at);
          break;
        case "skip": {
          const step = Math.min(this.#missing, end - at);
          at += step;
          this.#missing -= step;
          if (this.#missing === 0) this.#mode = "head";
          break;
        }
        case "padLength":
          this.#pad(chunk[at++]!);
          break;
        case "data":
          at = this.#data(chunk, at);
          break;
      }
    }
  }

  #header(chunk: Uint8Array, at: number): number {
    if (this.#headBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
      return this.#begin(chunk, at, at + FRAME_HEADER_BYTES);
    }
    let next = at;
    while (next < chunk.length && this.#headBytes < FRAME_HEADER_BYTES) {
      this.#head[this.#headBytes++] = chunk[next++]!;
    }
    if (this.#headBytes < FRAME_HEADER_BYTES) return next;
    this.#headBytes = 0;
    const { length, type } = this.#read(this.#head, 0);
    if (!this.#sink.onFrameHeader(this.#frame)) this.#skip(length);
    else if (type === FRAME.DATA) this.#beginData();
    else if (length === 0) this.#sink.onFrame(this.#frame, NO_BYTES, 0, 0);
    else this.#beginGather(length);
    return next;
  }

  #read(bytes: Uint8Array, at: number): FrameHeader {
    const frame = this.#frame;
    frame.length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    frame.type = bytes[at + 3]!;
    frame.flags = bytes[at + 4]!;
    frame.streamId = readU31(bytes, at + 5);
    return frame;
  }

  /** A header that lies whole in the chunk, its payload from `at` on. Returns up to where the chunk was read. */
  #begin(chunk: Uint8Array, headAt: number, at: number): number {
    const { length, type } = this.#read(chunk, headAt);
    if (!this.#sink.onFrameHeader(this.#frame)) {
      this.#skip(length);
    } else if (type === FRAME.DATA) {
      this.#beginData();
    } else if (at + length <= chunk.length) {
      this.#sink.onFrame(this.#frame, chunk, at, at + length);
      return at + length;
    } else {
      this.#beginGather(length);
    }
    return at;
  }

  #skip(length: number): void {
    this.#missing = length;
    this.#mode = length === 0 ? "head" : "skip";
  }

  #beginGather(length: number): void {
    this.#gathered = new Uint8Array(length);
    this.#missing = length;
    this.#mode = "gather";
  }

  #gather(chunk: Uint8Array, at: number): number {
    const step = Math.min(this.#missing, chunk.length - at);
    this.#gathered.set(chunk.subarray(at, at + step), this.#gathered.length - this.#missing);
    this.#missing -= step;
    if (this.#missing === 0) {
      const payload = this.#gathered;
      this.#gathered = NO_BYTES;
      this.#mode = "head";
      this.#sink.onFrame(this.#frame, payload, 0, payload.length);
    }
    return at + step;
  }

  #beginData(): void {
    const { length, flags } = this.#frame;
    this.#padding = 0;
    if ((flags & FLAG.PADDED) === 0) {
      this.#missing = length;
      this.#mode = "data";
      if (length === 0) this.#endData(NO_BYTES);
    } else if (length === 0) {
      this.#badPadding();
    } else {
      this.#mode = "padLength";
    }
  }

  #pad(padding: number): void {
    this.#missing = this.#frame.length - 1 - padding;
    this.#padding = padding;
    this.#mode = "data";
    if (this.#missing < 0) this.#badPadding();
    else if (this.#missing === 0 && padding === 0) this.#endData(NO_BYTES);
  }

  #badPadding(): void {
    this.stop();
    this.#sink.onBadPadding(this.#frame);
  }

  #data(chunk: Uint8Array, at: number): number {
    const to = at + Math.min(this.#missing, chunk.length - at);
    this.#missing -= to - at;
    let next = to;
    if (this.#missing === 0 && this.#padding > 0) {
      const step = Math.min(this.#padding, chunk.length - to);
      this.#padding -= step;
      next += step;
    }
    const piece = at === to ? NO_BYTES : chunk.subarray(at, to);
    if (this.#missing === 0 && this.#padding === 0) this.#endData(piece);
    else if (at < to) this.#sink.onDataPiece(this.#frame, piece, false);
    return next;
  }

  #endData(piece: Uint8Array): void {
    this.#mode = "head";
    this.#sink.onDataPiece(this.#frame, piece, true);
  }
}

const NO_BYTES = new Uint8Array(0);

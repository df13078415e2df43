import { FRAME, HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./constants.ts";
import { describeFrame, FRAME_SHAPES, readU32 } from "./frame.ts";
import type { ProtocolErrorKind } from "./types.ts";

/** Where decoded frames go. A call may stop the decoder; nothing more is then called. */
export interface FrameSink {
  /** A piece of a DATA payload as it lies in the chunk that was fed: a frame cut by the network comes in several. */
  onDataFrame(streamId: number, piece: Uint8Array): void;
  /** Any other frame, whole; the payload is `bytes[from, to)` and only valid during the call. */
  onFrame(type: number, streamId: number, bytes: Uint8Array, from: number, to: number): void;
  /** The input is no frame; the decoder has stopped. */
  onMalformed(kind: ProtocolErrorKind, detail: string): void;
}

/**
 * Takes the bytes of a lane in whatever pieces they come and gives out frames. DATA is never copied nor gathered; of the
 * other frames only one that was cut is, so a peer can make this hold at most one payload.
 *
 *            header whole           DATA
 *   header ---------------> payload ----> pieces, until its length
 *     ^  (cut: gathered)       | other: whole, or gathered when cut
 *     +------------------------+
 */
export class Decoder {
  framesIn = 0;
  readonly #sink: FrameSink;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #streamId = 0;
  /** What is missing of the payload that is being read; 0 between frames. */
  #missing = 0;
  #gathered: Uint8Array | undefined;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  stop(): void {
    this.#stopped = true;
    this.#gathered = undefined;
  }

  feed(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end && !this.#stopped) {
      if (this.#missing > 0) {
        at = this.#payload(chunk, at);
      } else if (this.#headerBytes === 0 && end - at >= HEADER_BYTES) {
        if (!this.#readHeader(chunk, at)) return;
        at = this.#begin(chunk, at + HEADER_BYTES);
      } else {
        this.#header[this.#headerBytes++] = chunk[at++]!;
        if (this.#headerBytes < HEADER_BYTES) continue;
        this.#headerBytes = 0;
        if (!this.#readHeader(this.#header, 0)) return;
        at = this.#begin(chunk, at);
      }
    }
  }

  #readHeader(bytes: Uint8Array, at: number): boolean {
    const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const type = bytes[at + 3]!;
    const streamId = readU32(bytes, at + 4);
    this.#type = type;
    this.#streamId = streamId;
    this.#missing = length;
    const shape = FRAME_SHAPES[type];
    if (shape === undefined) return this.#malformed("unknownType");
    if (length > shape.maxBytes || length < shape.minBytes) {
      return this.#malformed(length > MAX_PAYLOAD_BYTES ? "oversize" : "badLength");
    }
    return shape.stream === (streamId !== 0) || this.#malformed("badStream");
  }

  /** The payload starts at `at`: gives it out when it is whole. Returns up to where the chunk was read. */
  #begin(chunk: Uint8Array, at: number): number {
    this.framesIn++;
    const to = at + this.#missing;
    if (this.#type === FRAME.DATA) return this.#payload(chunk, at);
    if (to > chunk.length) {
      this.#gathered = new Uint8Array(this.#missing);
      return at;
    }
    this.#missing = 0;
    this.#sink.onFrame(this.#type, this.#streamId, chunk, at, to);
    return to;
  }

  #payload(chunk: Uint8Array, at: number): number {
    const to = Math.min(chunk.length, at + this.#missing);
    if (to === at) return at;
    const gathered = this.#gathered;
    if (gathered === undefined) {
      this.#missing -= to - at;
      this.#sink.onDataFrame(
        this.#streamId,
        at === 0 && to === chunk.length ? chunk : chunk.subarray(at, to),
      );
      return to;
    }
    gathered.set(chunk.subarray(at, to), gathered.length - this.#missing);
    this.#missing -= to - at;
    if (this.#missing === 0) {
      this.#gathered = undefined;
      this.#sink.onFrame(this.#type, this.#streamId, gathered, 0, gathered.length);
    }
    return to;
  }

  #malformed(kind: ProtocolErrorKind): false {
    this.stop();
    this.#sink.onMalformed(kind, describeFrame(this.#type, this.#streamId, this.#missing));
    return false;
  }
}

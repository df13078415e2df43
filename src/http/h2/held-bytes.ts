import { retain } from "#core/bytes.ts";
import type { Output } from "./output.ts";

/** Pieces that are smaller are copied together, so that many tiny ones cost no more than their bytes. */
const SMALL_BYTES = 2048;
const TAIL_BYTES = 8192;

/** Data that waits for a window or for the transport, in order. */
export class HeldBytes {
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  #at = 0;
  /** Room behind the last chunk, which is one that small pieces are copied to. */
  #tail: Uint8Array | undefined;
  #tailUsed = 0;

  /** Keeps `chunk` from `from` on. */
  push(chunk: Uint8Array, from: number): void {
    const length = chunk.length - from;
    if (length === 0) return;
    this.bytes += length;
    if (length >= SMALL_BYTES) {
      this.#tail = undefined;
      this.#chunks.push(retain(chunk, from));
      return;
    }
    if (this.#tail === undefined || this.#tailUsed + length > this.#tail.length) {
      this.#tail = new Uint8Array(this.#chunks.length === 0 ? SMALL_BYTES : TAIL_BYTES);
      this.#tailUsed = 0;
      this.#chunks.push(EMPTY);
    }
    this.#tail.set(from === 0 ? chunk : chunk.subarray(from), this.#tailUsed);
    this.#tailUsed += length;
    this.#chunks[this.#chunks.length - 1] = this.#tail.subarray(0, this.#tailUsed);
  }

  /** Moves the first `length` bytes, which are there, into the DATA frame that `output` is writing. */
  moveTo(output: Output, length: number): void {
    this.bytes -= length;
    let missing = length;
    while (missing > 0) {
      const chunk = this.#chunks[0]!;
      const to = Math.min(chunk.length, this.#at + missing);
      output.dataPart(chunk, this.#at, to);
      missing -= to - this.#at;
      this.#at = to;
      if (to < chunk.length) return;
      this.#chunks.shift();
      this.#at = 0;
      if (this.#chunks.length === 0) this.#tail = undefined;
    }
  }
}

const EMPTY = new Uint8Array(0);

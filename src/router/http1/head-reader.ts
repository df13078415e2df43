import { HEAD_LIMITS } from "#http/h1/limits.ts";

/** One byte more than a head may have is enough for the parser to refuse it. */
const MOST_BYTES = HEAD_LIMITS.maxHeadBytes + 1;
const FIRST_BYTES = 1024;

/** `parse` of a request's or an answer's head. */
export interface HeadParser {
  parse(bytes: Uint8Array, from: number, to: number): number;
}

/**
 * Gives a parser its head in one piece: most come so and are not copied; of the others what has come is kept, and
 * nothing when there is none.
 */
export class HeadReader {
  #bytes: Uint8Array | undefined;
  #length = 0;

  /** Reads on at `at`. Returns the index in `chunk` behind the head; 0: it has not ended, and all was kept; -1: refused. */
  read(head: HeadParser, chunk: Uint8Array, at: number): number {
    if (this.#bytes === undefined) {
      const end = head.parse(chunk, at, chunk.length);
      if (end === 0) this.#keep(chunk, at);
      return end;
    }
    const before = this.#length;
    const bytes = this.#keep(chunk, at);
    const end = head.parse(bytes, 0, this.#length);
    if (end === 0) return 0;
    this.reset();
    return end < 0 ? -1 : at + end - before;
  }

  reset(): void {
    this.#bytes = undefined;
    this.#length = 0;
  }

  #keep(chunk: Uint8Array, at: number): Uint8Array {
    const took = Math.min(chunk.length - at, MOST_BYTES - this.#length);
    const length = this.#length + took;
    let bytes = this.#bytes;
    if (bytes === undefined || length > bytes.length) {
      const larger = new Uint8Array(Math.max(length, (bytes?.length ?? FIRST_BYTES / 2) * 2));
      if (bytes !== undefined) larger.set(bytes.subarray(0, this.#length));
      bytes = larger;
      this.#bytes = bytes;
    }
    bytes.set(chunk.subarray(at, at + took), this.#length);
    this.#length = length;
    return bytes;
  }
}

const FIRST_BYTES = 1024;

/** A head that comes in pieces, put together at the start of one buffer. */
export class HeadBuffer {
  bytes = new Uint8Array(FIRST_BYTES);
  length = 0;
  readonly #most: number;

  /** Takes no more than `mostBytes`: a longer head was refused before. */
  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  /** Appends `chunk` from `from` on, and returns how much of it was taken. */
  append(chunk: Uint8Array, from: number): number {
    const took = Math.min(chunk.length - from, this.#most - this.length);
    const length = this.length + took;
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(this.#most, Math.max(length, this.bytes.length * 2)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(chunk.subarray(from, from + took), this.length);
    this.length = length;
    return took;
  }
}

const FIRST_BYTES = 4096;
/** Below this a loop is faster than a call into the runtime. */
const LOOP_BYTES = 24;
const MAX_INT = 0x7fffffff;
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const NOTHING = new Uint8Array(0);
const copyBytes = Buffer.prototype.copy;

/**
 * Output that is built byte by byte in memory that is used again. Numbers and text go in without a string or an array
 * being made. What `written()` shows is overwritten by the next message, unless `release()` gave the memory away.
 */
export class ByteWriter {
  /** The memory; may be replaced by any write. Only the first `length` bytes mean anything. */
  bytes: Uint8Array = NOTHING;
  length = 0;
  readonly #firstBytes: number;

  constructor(firstBytes: number = FIRST_BYTES) {
    this.#firstBytes = firstBytes;
  }

  /** Makes room for `more` bytes behind `length`, so that they may be written into `bytes` directly. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed > this.bytes.length) this.#grow(needed);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Appends `source[from, to)`. */
  copy(source: Uint8Array, from: number, to: number): void {
    const count = to - from;
    this.reserve(count);
    const bytes = this.bytes;
    let at = this.length;
    this.length = at + count;
    if (count > LOOP_BYTES) {
      copyBytes.call(source, bytes, at, from, to);
      return;
    }
    for (let i = from; i < to; i++) bytes[at++] = source[i]!;
  }

  /** Appends all of `source`: for constant lines, kept as bytes. */
  all(source: Uint8Array): void {
    this.copy(source, 0, source.length);
  }

  /** Appends characters up to U+00FF, one byte each; of others only the low byte is left. */
  text(latin1: string): void {
    const count = latin1.length;
    this.reserve(count);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < count; i++) bytes[at++] = latin1.charCodeAt(i);
    this.length = at;
  }

  /** Appends a whole number from 0 to 2^53 - 1, in decimal. */
  decimal(value: number): void {
    this.#number(value, 10);
  }

  /** Appends a whole number from 0 to 2^53 - 1, in lower-case hexadecimal. */
  hex(value: number): void {
    this.#number(value, 16);
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.length = 0;
  }

  /** What was written: a view, valid until the next `clear` or write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** The memory belongs to somebody else now; the next write takes new. */
  release(): void {
    this.bytes = NOTHING;
    this.length = 0;
  }

  #number(value: number, base: number): void {
    let digits = 1;
    for (let bound = base; bound <= value; bound *= base) digits++;
    this.reserve(digits);
    const bytes = this.bytes;
    let at = this.length + digits;
    this.length = at;
    let rest = value;
    for (; rest > MAX_INT; rest = Math.floor(rest / base)) bytes[--at] = DIGITS[rest % base]!;
    let small = rest | 0;
    for (; at > this.length - digits; small = (small / base) | 0) bytes[--at] = DIGITS[small % base]!;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(this.#firstBytes, this.bytes.length * 2, needed));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

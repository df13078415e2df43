const FIRST_BYTES = 16 * 1024;

/** A header block that came in more than one frame: HEADERS without END_HEADERS, and CONTINUATION until it (RFC 9113 section 4.3). */
export class HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly sinceMs: number;
  continuations = 0;
  length = 0;
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);

  constructor(from: { streamId: number; endStream: boolean; sinceMs: number }) {
    this.streamId = from.streamId;
    this.endStream = from.endStream;
    this.sinceMs = from.sinceMs;
  }

  add(fragment: Uint8Array): void {
    const need = this.length + fragment.length;
    if (need > this.bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(fragment, this.length);
    this.length = need;
  }
}

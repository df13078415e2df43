import type { Wire, WireHandler } from "../wire.ts";

const unheard: WireHandler = { onData() {}, onDrain() {}, onClose() {} };

/** One end of a connection in memory: nothing moves until `deliver` is called, so a test decides on every interleaving. */
export class MemoryWire implements Wire {
  handler: WireHandler = unheard;
  /** Bytes that this end takes before it is full, as a socket's send buffer. */
  readonly capacity: number;
  /** Everything that was taken, when recording. */
  recorded: Uint8Array[] | undefined;
  #peer: MemoryWire | undefined;
  #outbox: Uint8Array[] = [];
  #waiting = 0;
  #short = false;
  #ending = false;
  #closed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  static pair(capacity = 1 << 20): [MemoryWire, MemoryWire] {
    const a = new MemoryWire(capacity);
    const b = new MemoryWire(capacity);
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** Bytes on their way to the peer. */
  get inFlight(): number {
    return this.#waiting;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.#closed || this.#ending) return -1;
    const taken = Math.min(length, this.capacity - this.#waiting);
    if (taken > 0) {
      const copy = bytes.slice(offset, offset + taken);
      this.#outbox.push(copy);
      this.recorded?.push(copy);
    }
    this.#waiting += taken;
    this.#short = taken < length;
    return taken;
  }

  end(): void {
    if (this.#closed) return;
    this.#ending = true;
    if (this.#waiting === 0) this.#finish();
  }

  destroy(): void {
    this.#outbox = [];
    this.#waiting = 0;
    this.#finish();
  }

  /** Moves at most `most` bytes to the peer, in one chunk. Returns whether anything happened. */
  deliver(most = Number.POSITIVE_INFINITY): boolean {
    if (this.#closed || this.#waiting === 0) return false;
    const size = Math.min(most, this.#waiting);
    const chunk = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const first = this.#outbox[0]!;
      const part = first.subarray(0, size - filled);
      chunk.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#outbox.shift();
      else this.#outbox[0] = first.subarray(part.length);
    }
    this.#waiting -= size;
    this.#peer?.handler.onData(chunk);
    if (this.#short && !this.#closed) {
      this.#short = false;
      this.handler.onDrain();
    }
    if (this.#ending && this.#waiting === 0) this.#finish();
    return true;
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    const peer = this.#peer;
    this.handler.onClose("The connection was closed");
    if (peer !== undefined && !peer.#closed) {
      peer.#outbox = [];
      peer.#waiting = 0;
      peer.#finish();
    }
  }
}

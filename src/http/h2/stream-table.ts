import { MAX_STREAM_ID } from "./constants.ts";
import type { Stream } from "./stream.ts";

/** Ids of streams that ended by a reset are remembered for so many streams. */
const MOST_RESET = 1024;

/** The streams of a connection that are not over, and which state an id without a stream has (RFC 9113 section 5.1). */
export class StreamTable {
  /** The last stream the peer opened. */
  lastPeerId = 0;
  /** Streams of the peer above this are not taken any more. */
  lastTaken = MAX_STREAM_ID;
  /** The id of the next stream from this end, which is a client. */
  nextId = 1;
  readonly #server: boolean;
  readonly #streams = new Map<number, Stream>();
  #reset: Set<number> | undefined;

  constructor(server: boolean) {
    this.#server = server;
  }

  get size(): number {
    return this.#streams.size;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
  }

  /** Safe to walk while streams end. */
  values(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  remove(id: number): void {
    this.#streams.delete(id);
  }

  /** A request that the peer opens now, rather than a stream that is over or never was the peer's to open. */
  opens(id: number): boolean {
    return this.#server && id % 2 === 1 && id > this.lastPeerId;
  }

  isIdle(id: number): boolean {
    return this.#server ? id % 2 === 0 || id > this.lastPeerId : id % 2 === 0 || id >= this.nextId;
  }

  /**
   * Frames for streams that are over cost nothing: this end is a client whose streams belong to many, and what was on its way
   * when some of them were cancelled must not end the others.
   */
  get letsLateFramesPass(): boolean {
    return !this.#server;
  }

  /** It ended by a reset: what the peer sent before it knew, or after it gave up, is let pass. */
  wasReset(id: number): boolean {
    return this.#reset?.has(id) ?? false;
  }

  rememberReset(id: number): void {
    const reset = (this.#reset ??= new Set());
    reset.add(id);
    if (reset.size <= MOST_RESET) return;
    for (const oldest of reset) {
      reset.delete(oldest);
      return;
    }
  }

  /** The stream for which most is held. */
  largest(): Stream | undefined {
    let largest: Stream | undefined;
    for (const stream of this.#streams.values()) {
      if (largest === undefined || stream.heldBytes > largest.heldBytes) largest = stream;
    }
    return largest;
  }
}

import type { LinkStream, StreamHandler } from "#link/types.ts";
import { NOWHERE, type End, type Flow } from "./flow.ts";
import type { ResetCode } from "#link/reset-code.ts";

/**
 * The end of a flow that is a stream on a link, and the handler of that stream.
 *
 * Credit goes back to the other router only for bytes that the peer's sink took. What the stream takes past its window
 * counts as held until it is writable again, so the peer's source stands still.
 */
export class StreamEnd implements End, StreamHandler {
  peer: End = NOWHERE;
  received = 0;
  held = 0;
  /** Set when this end is for good one of its flow's two; until then its close concerns nobody else. */
  flow: Flow | undefined;
  #stream: LinkStream | undefined;
  #finIn = false;
  #finOut = false;
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  /** Nothing new is to be begun here: its link is going away. */
  get draining(): boolean {
    return this.#closed || this.#stream?.draining !== false;
  }

  attach(stream: LinkStream): void {
    this.#stream = stream;
  }

  deliver(chunk: Uint8Array): number {
    if (this.#closed || this.#stream === undefined) return chunk.length;
    if (this.#stream.give(chunk) && this.held === 0) return chunk.length;
    this.held += chunk.length;
    return 0;
  }

  /** `deliver` of the first `length` bytes. */
  deliverFirst(bytes: Uint8Array, length: number): number {
    return this.deliver(bytes.subarray(0, length));
  }

  deliverFin(): void {
    if (this.#finOut || this.#closed) return;
    this.#finOut = true;
    this.#stream?.fin();
    if (this.#finIn) this.#close();
  }

  deliverReset(code: ResetCode, reason: string): void {
    if (this.#closed) return;
    this.#close();
    this.#stream?.reset(code, reason);
  }

  taken(bytes: number): void {
    if (!this.#closed || this.#finIn) this.#stream?.consumed(bytes);
  }

  onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.received += chunk.length;
    const took = this.peer.deliver(chunk);
    if (took > 0) this.#stream?.consumed(took);
  }

  onFin(): void {
    if (this.#finIn || this.#closed) return;
    this.#finIn = true;
    this.peer.deliverFin();
    if (this.#finOut) this.#close();
  }

  onReset(code: ResetCode, reason: string): void {
    if (this.#closed) return;
    this.flow?.broke(this, code);
    this.#close();
    this.peer.deliverReset(code, reason);
  }

  onWritable(): void {
    const gone = this.held;
    this.held = 0;
    if (gone > 0) this.peer.taken(gone);
  }

  #close(): void {
    this.#closed = true;
    this.flow?.endClosed();
  }
}

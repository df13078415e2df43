import type { Random } from "#core/random.ts";
import { NOWHERE, type End } from "../../flow/flow.ts";

/**
 * The end of a connection that takes what it is given in random parts, and remembers all of it. Stands for a socket's or
 * a stream's end without either. For tests.
 */
export class SlowEnd {
  peer: End = NOWHERE;
  held = 0;
  received = 0;
  closed = false;
  /** What was sent through it, taken or held. */
  readonly sent: Uint8Array[] = [];
  fin = false;
  reset = false;
  /** What its source was told of: bytes that came from it and were passed on later. */
  told = 0;
  /** Bytes of its source that wait somewhere, as `owe` was told. */
  owed = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get text(): string {
    return Buffer.concat(this.sent).toString("latin1");
  }

  deliver(chunk: Uint8Array): number {
    return this.deliverFirst(chunk, chunk.length);
  }

  deliverFirst(bytes: Uint8Array, length: number): number {
    // Held memory may not change any more: so it is not copied.
    const took = this.held > 0 ? 0 : Math.min(length, this.#random.below(length * 2 + 1));
    this.sent.push(bytes.slice(0, took), bytes.subarray(took, length));
    this.held += length - took;
    return took;
  }

  /** Some of what was held goes. */
  drain(): void {
    if (this.held === 0) return;
    const gone = 1 + this.#random.below(this.held);
    this.held -= gone;
    this.peer.taken(gone);
  }

  deliverFin(): void {
    this.fin = true;
  }

  deliverReset(): void {
    this.reset = true;
    this.closed = true;
  }

  taken(bytes: number): void {
    this.told += bytes;
  }

  owe(bytes: number): void {
    this.owed = bytes;
  }
}

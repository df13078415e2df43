import { ChunkedReader } from "#http/h1/chunked.ts";
import { FRAMING } from "#http/h1/framing.ts";
import type { H1Problem } from "#http/h1/problem.ts";
import type { RequestHead } from "#http/h1/request-head.ts";
import { KEPT_BYTES } from "./limits.ts";
import type { Outlet } from "./outlet.ts";

/**
 * The body of one request on its way from the client to whichever connection to a pod is attached now. It is read out of
 * the client's framing and framed anew. While another attempt may be needed its bytes are kept, at most 64 KiB.
 *
 *     begin --> no connection: kept --attach--> sent, and kept --more than 64 KiB, or forget--> sent
 *                    ^----------- detach (the attempt failed) ---/
 *     discard: read away, nobody wants it any more
 */
export class RequestBody {
  /** All of it was read from the client. */
  done = true;
  problem: H1Problem | undefined;
  /** Some of it was read. */
  begun = false;
  /** Nothing of it has been lost: it can be sent from the beginning. */
  replayable = true;
  readonly #outlet: Outlet;
  #chunked = false;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #attached = false;
  #discarding = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  begin(request: RequestHead): void {
    this.done = false;
    this.#chunked = request.framing === FRAMING.CHUNKED;
    if (this.#chunked) {
      this.#chunks ??= new ChunkedReader();
      this.#chunks.reset();
    } else this.#left = request.contentLength;
  }

  /** Ready for the next request. */
  reset(): void {
    this.#attached = false;
    if (this.done && !this.begun) return;
    this.done = true;
    this.begun = false;
    this.problem = undefined;
    this.replayable = true;
    this.#discarding = false;
    this.#drop();
  }

  /** Bytes that are still to come from the client; undefined when nobody knows. */
  get leftBytes(): number | undefined {
    if (this.done) return 0;
    return this.#chunked ? undefined : this.#left;
  }

  /** False while the client should not send more. */
  get accepts(): boolean {
    if (this.#attached) return this.#outlet.end.held === 0;
    return this.#keptBytes <= KEPT_BYTES;
  }

  /** Reads what belongs to the body, and sends or keeps it. Returns the index behind it; -1: see `problem`. */
  read(bytes: Uint8Array, from: number, to: number): number {
    this.begun = true;
    let at: number;
    if (this.#chunked) {
      const chunks = this.#chunks as ChunkedReader;
      at = chunks.read(bytes, from, to, this);
      if (at < 0) {
        this.problem = chunks.problem;
        if (this.#attached) this.#outlet.out.clear();
        return -1;
      }
      this.done = chunks.done;
      if (this.done && this.#attached) this.#outlet.lastChunk(chunks.trailers);
    } else {
      at = Math.min(to, from + this.#left);
      this.#left -= at - from;
      this.done = this.#left === 0;
      this.onBody(bytes, from, at);
    }
    if (this.#attached) this.#outlet.flush();
    return at;
  }

  /** From the reader of chunks: a piece of the body. */
  onBody(bytes: Uint8Array, from: number, to: number): void {
    if (this.#discarding) return;
    if (this.replayable) this.#keep(bytes, from, to);
    if (!this.#attached) return;
    if (this.#chunked) this.#outlet.chunk(bytes, from, to);
    else this.#outlet.put(bytes, from, to);
  }

  /** The outlet has an end now, and the head was written to it: sends all that was kept with it, and what comes. */
  attach(): void {
    this.#attached = true;
    for (const piece of this.#kept) {
      if (this.#chunked) this.#outlet.chunk(piece, 0, piece.length);
      else this.#outlet.put(piece, 0, piece.length);
    }
    if (this.done && this.#chunked && this.begun) this.#outlet.lastChunk(this.#chunks?.trailers);
    this.#outlet.flush();
    if (this.#keptBytes > KEPT_BYTES) this.forget();
  }

  /** The attempt is over. */
  detach(): void {
    this.#attached = false;
  }

  /** There will be no other attempt. */
  forget(): void {
    if (this.done && !this.begun) return;
    this.replayable = false;
    this.#drop();
  }

  /** Reads the rest away. */
  discard(): void {
    this.#attached = false;
    this.#discarding = true;
    this.forget();
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    this.#keptBytes += to - from;
    if (this.#attached && this.#keptBytes > KEPT_BYTES) this.forget();
    else this.#kept.push(bytes.subarray(from, to));
  }

  #drop(): void {
    if (this.#kept.length > 0) this.#kept = [];
    this.#keptBytes = 0;
  }
}

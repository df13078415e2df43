import { retain } from "#core/bytes.ts";
import type { H2Stream } from "#http/h2/types.ts";
import type { Field } from "#http/hpack/field.ts";

/** A body is kept for another attempt while it is no longer than this. */
export const KEPT_BYTES = 64 * 1024;
/** A slice may keep that much memory of a read alive without being copied. */
const SMALL_READ_BYTES = 16 * 1024;

/**
 * What came of a request's body so far, to be sent when there is a connection, and again when another attempt is needed.
 * Memory is bounded by the window of the client's stream, since nothing is given back before it was sent once.
 */
export class KeptBody {
  /** All of it is here. */
  whole = true;
  #chunks: Uint8Array[] | undefined;
  #bytes = 0;
  #trailers: readonly Field[] | undefined;

  add(chunk: Uint8Array): void {
    if (!this.whole || chunk.length === 0) return;
    const kept = chunk.buffer.byteLength > SMALL_READ_BYTES ? retain(chunk, 0) : chunk;
    if (this.#chunks === undefined) this.#chunks = [kept];
    else this.#chunks.push(kept);
    this.#bytes += chunk.length;
  }

  trailers(fields: readonly Field[]): void {
    if (this.whole) this.#trailers = fields;
  }

  /** Forgets what is too much to be sent again; to be called when all was sent. */
  trim(): void {
    if (this.#bytes > KEPT_BYTES) this.drop();
  }

  drop(): void {
    this.whole = false;
    this.#chunks = undefined;
    this.#trailers = undefined;
  }

  /** Sends all of it, with `ended` as the whole body; false when the stream takes no more for now. */
  replay(stream: H2Stream, ended: boolean): boolean {
    const chunks = this.#chunks;
    const trailers = this.#trailers;
    let writable = true;
    if (chunks !== undefined) {
      const last = ended && trailers === undefined ? chunks.length - 1 : -1;
      for (let i = 0; i < chunks.length; i++) writable = stream.data(chunks[i] as Uint8Array, i === last);
    } else if (ended && trailers === undefined) stream.data(EMPTY, true);
    if (trailers !== undefined) stream.headers(trailers, true);
    return writable;
  }
}

const EMPTY = new Uint8Array(0);

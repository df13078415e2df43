import type { ByteWriter } from "#http/byte-writer.ts";
import { FLUSH_BYTES, JOIN_BYTES } from "./limits.ts";

/** The end of a socket or a stream, as far as sending goes. */
export interface Sink {
  readonly held: number;
  deliver(chunk: Uint8Array): number;
  deliverFirst(bytes: Uint8Array, length: number): number;
}

const NO_SINK: Sink = { held: 0, deliver: () => 0, deliverFirst: () => 0 };

/**
 * Output to one end within one turn: what is short is joined and leaves in one write, what is long is passed on without
 * a copy. The writer is shared by all connections, so `flush` comes before the turn ends.
 */
export class Outlet {
  readonly out: ByteWriter;
  end: Sink = NO_SINK;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  flush(): void {
    const { out } = this;
    if (out.length === 0) return;
    if (this.end.deliverFirst(out.bytes, out.length) < out.length) out.release();
    else out.clear();
  }

  /** `bytes[from, to)` as they are. They are not written to any more. */
  put(bytes: Uint8Array, from: number, to: number): void {
    const { out } = this;
    if (to - from <= JOIN_BYTES && (out.length > 0 || to - from < bytes.length)) {
      out.copy(bytes, from, to);
      return;
    }
    this.flush();
    this.end.deliver(to - from === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** One chunk of a chunked body (RFC 9112 section 7.1). */
  chunk(bytes: Uint8Array, from: number, to: number): void {
    const { out } = this;
    out.hex(to - from);
    out.text("\r\n");
    out.copy(bytes, from, to);
    out.text("\r\n");
    if (out.length > FLUSH_BYTES) this.flush();
  }

  /** The end of a chunked body; `trailers` are whole lines. */
  lastChunk(trailers: Uint8Array | undefined): void {
    const { out } = this;
    out.text("0\r\n");
    if (trailers !== undefined) out.copy(trailers, 0, trailers.length);
    out.text("\r\n");
  }
}

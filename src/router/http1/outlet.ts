import type { ByteWriter } from "#http/byte-writer.ts";
import { NOWHERE, type End } from "../flow.ts";
import { FLUSH_BYTES, JOIN_BYTES } from "./limits.ts";

/**
 * Output to one end within one turn: what is short is joined and leaves in one write, what is long is passed on without
 * a copy. The writer is shared by all connections, so `flush` comes before the turn ends.
 */
export class Outlet {
  readonly out: ByteWriter;
  end: End = NOWHERE;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  flush(): void {
    const { out } = this;
    if (out.length === 0) return;
    const bytes = out.written();
    if (this.end.deliver(bytes) < bytes.length) out.release();
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

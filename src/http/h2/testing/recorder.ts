import type { KnownField } from "#http/hpack/field.ts";
import type { H2Handler, H2Stream } from "../types.ts";

/** One end of a stream in a test: writes down what comes. */
export class Recorder implements H2Handler {
  stream: H2Stream | undefined;
  readonly headers: [string, string][][] = [];
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  unconsumed = 0;
  mostUnconsumed = 0;
  ended = false;
  reset: { code: number; reason: string } | undefined;
  writable = 0;
  /** Takes what comes at once. */
  reading = true;

  onHeaders(fields: readonly KnownField[], endStream: boolean): void {
    this.#alive();
    this.headers.push(pairs(fields));
    this.ended = endStream;
  }

  onData(chunk: Uint8Array, endStream: boolean): void {
    this.#alive();
    if (chunk.length === 0 && !endStream) throw new Error("An empty chunk that is not the end");
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.unconsumed += chunk.length;
    this.mostUnconsumed = Math.max(this.mostUnconsumed, this.unconsumed);
    this.ended = endStream;
    if (this.reading) this.read();
  }

  onReset(code: number, reason: string): void {
    if (this.reset !== undefined) throw new Error("onReset came twice");
    this.reset = { code, reason };
  }

  onWritable(): void {
    if (this.reset !== undefined) throw new Error("onWritable after onReset");
    this.writable++;
  }

  read(): void {
    const bytes = this.unconsumed;
    this.unconsumed = 0;
    this.stream?.consumed(bytes);
  }

  text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  #alive(): void {
    if (this.reset !== undefined) throw new Error("An event after onReset");
    if (this.ended) throw new Error("An event after the end");
  }
}

export function pairs(fields: readonly { name: string; value: string }[]): [string, string][] {
  return fields.map(({ name, value }) => [name, value]);
}

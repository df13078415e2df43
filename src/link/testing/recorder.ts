import type { Lane } from "../lane.ts";
import type { ResetCode } from "../reset-code.ts";
import type { LinkSession } from "../session.ts";
import type { Link, LinkHandler, LinkStream, StreamHandler, StreamOpen } from "../types.ts";

/** Remembers what one end of a link was told. */
export class LinkRecorder implements LinkHandler {
  /** Made by LinkPair; links over TLS are made by their dialler or acceptor. */
  session: LinkSession | undefined;
  /** The last link that came up. */
  up: Link | undefined;
  readonly lanes: Lane[] = [];
  readonly replaced: Lane[] = [];
  readonly events: string[] = [];
  readonly controls: Uint8Array[] = [];
  readonly accepted: TestStream[] = [];
  /** Whether new accepted streams read at once. */
  reading = true;
  /** What to do with an accepted stream beyond recording it. */
  onAccept: ((stream: TestStream) => void) | undefined;

  get link(): Link {
    if (this.up === undefined) throw new Error("The link is not up");
    return this.up;
  }

  open(open: StreamOpen): TestStream {
    const stream = new TestStream();
    stream.stream = this.link.open(open, stream);
    return stream;
  }

  onUp(link: Link): void {
    this.up = link;
    this.events.push(`up ${link.remote.siteName}`);
  }

  onDown(_link: Link, reason: string): void {
    this.events.push(`down: ${reason}`);
  }

  onStream(stream: LinkStream): void {
    const test = new TestStream();
    test.stream = stream;
    test.reading = this.reading;
    stream.handler = test;
    this.accepted.push(test);
    this.onAccept?.(test);
  }

  onControl(_link: Link, payload: Uint8Array): void {
    this.controls.push(payload);
  }
}

/** A stream's handler that remembers, and checks the promises of StreamHandler as it is called. */
export class TestStream implements StreamHandler {
  stream!: LinkStream;
  reading = true;
  /** Bytes sent with `send` so far; byte n has the value `patternByte(n)`. */
  sent = 0;
  received = 0;
  unread = 0;
  finSent = false;
  finReceived = false;
  resetSent = false;
  reset: { code: ResetCode; reason: string } | undefined;
  writable = true;
  onWritableOnce: (() => void) | undefined;
  problems: string[] = [];

  /** Writes the next `size` bytes of the pattern. */
  send(size: number, how: "write" | "give" = "write"): boolean {
    const chunk = patternBytes(this.sent, size);
    this.sent += size;
    this.writable = this.stream[how](chunk);
    if (how === "write") chunk.fill(0xee);
    return this.writable;
  }

  fin(): void {
    this.finSent = true;
    this.stream.fin();
  }

  abort(code: ResetCode = "RESET_BY_PEER"): void {
    this.resetSent = true;
    this.stream.reset(code, "test");
  }

  read(): void {
    const bytes = this.unread;
    this.unread = 0;
    this.stream.consumed(bytes);
  }

  onData(chunk: Uint8Array): void {
    this.#live("onData");
    if (this.finReceived) this.problems.push("onData after onFin");
    for (let i = 0; i < chunk.length; i++) {
      if (chunk[i] !== patternByte(this.received + i)) {
        this.problems.push(`byte ${this.received + i} is wrong`);
        break;
      }
    }
    this.received += chunk.length;
    this.unread += chunk.length;
    if (this.reading) this.read();
  }

  onFin(): void {
    this.#live("onFin");
    if (this.finReceived) this.problems.push("onFin twice");
    this.finReceived = true;
  }

  onReset(code: ResetCode, reason: string): void {
    this.#live("onReset");
    this.reset = { code, reason };
  }

  onWritable(): void {
    this.#live("onWritable");
    if (this.writable) this.problems.push("onWritable though write returned true");
    this.writable = true;
    const fn = this.onWritableOnce;
    this.onWritableOnce = undefined;
    fn?.();
  }

  #live(what: string): void {
    if (this.reset !== undefined) this.problems.push(`${what} after onReset`);
    if (this.resetSent) this.problems.push(`${what} after own reset`);
  }
}

export function patternByte(position: number): number {
  return (position * 31 + (position >> 8) * 7) & 0xff;
}

const PATTERN_PERIOD = 65_536;
const pattern = Uint8Array.from({ length: 2 * PATTERN_PERIOD }, (_, i) => patternByte(i));

function patternBytes(from: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const at = (from + done) % PATTERN_PERIOD;
    const part = pattern.subarray(at, Math.min(at + size - done, 2 * PATTERN_PERIOD));
    bytes.set(part, done);
    done += part.length;
  }
  return bytes;
}

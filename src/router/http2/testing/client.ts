import type { H2Stream } from "#http/h2/types.ts";
import { field, type Field } from "#http/hpack/field.ts";
import { Peer } from "./peer.ts";

/** What came back for a request, as far as it came. */
export class Answer {
  stream: H2Stream | undefined;
  fields: readonly Field[] = [];
  readonly informational: (readonly Field[])[] = [];
  trailers: readonly Field[] | undefined;
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  ended = false;
  resetCode: number | undefined;
  writable = true;
  /** False: nothing is given back to the window until `consume`. */
  reading = true;
  readonly #waiting = new Set<() => void>();

  get status(): number {
    return Number(this.value(":status"));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  value(name: string): string | undefined {
    return this.fields.find((one) => one.name === name)?.value;
  }

  trailer(name: string): string | undefined {
    return (this.trailers ?? []).find((one) => one.name === name)?.value;
  }

  consume(): void {
    this.reading = true;
    this.stream?.consumed(this.bytes);
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    const status = Number(fields[0]?.value);
    if (this.fields.length > 0) this.trailers = fields;
    else if (status < 200) this.informational.push(fields);
    else this.fields = fields;
    this.ended ||= endStream;
    this.#wake();
  }

  onData(chunk: Uint8Array, endStream: boolean): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.reading) this.stream?.consumed(chunk.length);
    this.ended ||= endStream;
    this.#wake();
  }

  onReset(code: number): void {
    this.resetCode = code;
    this.#wake();
  }

  onWritable(): void {
    this.writable = true;
    this.#wake();
  }

  /** The whole answer is there, or the stream was reset. */
  done(timeoutMs?: number): Promise<this> {
    return this.until(() => this.ended || this.resetCode !== undefined, timeoutMs);
  }

  until(met: () => boolean, timeoutMs = 4000): Promise<this> {
    if (met()) return Promise.resolve(this);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!met()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`Not met in ${timeoutMs} ms: ${this.bytes} bytes, ended ${this.ended}`));
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  #wake(): void {
    for (const look of Array.from(this.#waiting)) look();
  }
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Undefined: the request is its head; null: a body follows, written by the test. */
  readonly body?: string | Uint8Array | null;
}

/** An HTTP/2 client without TLS, for tests. */
export class Client implements Disposable {
  readonly peer = new Peer("client");
  readonly #authority: string;

  constructor(authority: string) {
    this.#authority = authority;
  }

  static async connect(port: number): Promise<Client> {
    const client = new Client(`127.0.0.1:${port}`);
    await Bun.connect<Peer>({
      hostname: "127.0.0.1",
      port,
      data: client.peer,
      socket: { ...Peer.handlers, open: (socket) => socket.data.opened(socket) },
    });
    return client;
  }

  ask({ method = "GET", path = "/", fields = {}, body }: Ask = {}): Answer {
    const answer = new Answer();
    const head = [
      field(":method", method),
      field(":scheme", "http"),
      field(":authority", this.#authority),
      field(":path", path),
      ...Object.entries(fields).map(([name, value]) => field(name, value)),
    ];
    const stream = this.peer.session.request(head, body === undefined, answer);
    if (stream === undefined) throw new Error("No room for a request");
    answer.stream = stream;
    if (typeof body === "string") stream.data(Buffer.from(body), true);
    else if (body instanceof Uint8Array) stream.data(body, true);
    return answer;
  }

  [Symbol.dispose](): void {
    this.peer.kill();
  }
}

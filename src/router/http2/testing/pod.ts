import type { TCPSocketListener } from "bun";
import type { H2Stream } from "#http/h2/types.ts";
import { field, type Field } from "#http/hpack/field.ts";
import { Peer } from "./peer.ts";

/** A request as a pod gets it, to be answered by a test. */
export class PodRequest {
  readonly stream: H2Stream;
  readonly fields: readonly Field[];
  readonly peer: Peer;
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  ended: boolean;
  trailers: readonly Field[] | undefined;
  resetCode: number | undefined;
  /** False: nothing is given back to the client's window until `consume`. */
  reading = true;
  #waiting = new Set<() => void>();

  constructor(from: { stream: H2Stream; fields: readonly Field[]; ended: boolean; peer: Peer }) {
    this.stream = from.stream;
    this.fields = from.fields;
    this.ended = from.ended;
    this.peer = from.peer;
    this.stream.handler = {
      onHeaders: (fields) => {
        this.trailers = fields;
        this.ended = true;
        this.#wake();
      },
      onData: (chunk, endStream) => {
        this.chunks.push(chunk);
        this.bytes += chunk.length;
        if (this.reading) this.stream.consumed(chunk.length);
        this.ended ||= endStream;
        this.#wake();
      },
      onReset: (code) => {
        this.resetCode = code;
        this.#wake();
      },
      onWritable: () => this.#wake(),
    };
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  value(name: string): string | undefined {
    return this.fields.find((one) => one.name === name)?.value;
  }

  consume(): void {
    this.reading = true;
    this.stream.consumed(this.bytes);
  }

  answer(status: number, body = "", extra: Readonly<Record<string, string>> = {}): void {
    const head = [
      field(":status", String(status)),
      ...Object.entries(extra).map(([name, value]) => field(name, value)),
    ];
    this.stream.headers(head, body === "");
    if (body !== "") this.stream.data(Buffer.from(body), true);
  }

  async until(met: () => boolean, timeoutMs = 4000): Promise<this> {
    const end = performance.now() + timeoutMs;
    while (!met()) {
      if (performance.now() > end) throw new Error(`Not met in ${timeoutMs} ms: ${met.toString()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}

/** A pod that speaks HTTP/2 without TLS; what it answers is the test's. */
export class Pod implements Disposable {
  readonly requests: PodRequest[] = [];
  readonly peers: Peer[] = [];
  readonly #listener: TCPSocketListener<Peer>;

  constructor(handle: (request: PodRequest) => void, { port = 0 }: { readonly port?: number } = {}) {
    this.#listener = Bun.listen<Peer>({
      hostname: "127.0.0.1",
      port,
      socket: {
        ...Peer.handlers,
        open: (socket) => {
          const peer: Peer = new Peer("server", (stream, fields, ended) => {
            const request = new PodRequest({ stream, fields, ended, peer });
            this.requests.push(request);
            handle(request);
          });
          this.peers.push(peer);
          socket.data = peer;
          peer.opened(socket);
        },
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** As on SIGTERM: no new connections, GOAWAY on those there are. */
  leave(): void {
    this.#listener.stop();
    for (const { session } of this.peers) session.goAway();
  }

  /** As on SIGKILL. */
  kill(): void {
    this.#listener.stop();
    for (const peer of this.peers) peer.kill();
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

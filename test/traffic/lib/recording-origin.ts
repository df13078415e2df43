import type { Socket, TCPSocketListener } from "bun";
import { readRequests, type SeenRequest } from "./http-oracle.ts";

/** An origin that reads strictly, answers 200 to each whole request, and remembers what it saw. */
export class RecordingOrigin {
  /** Since the last `take`. */
  #seen: SeenRequest[] = [];
  /** Bytes that are no strict HTTP/1.1: nobody should ever be sent such. */
  readonly anomalies: string[] = [];
  /** Connections with a part of a request. */
  readonly #within = new Set<Socket<{ text: string }>>();
  readonly #listener: TCPSocketListener<{ text: string }>;

  constructor(hostname: string) {
    this.#listener = Bun.listen<{ text: string }>({
      hostname,
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { text: "" };
        },
        data: (socket, chunk) => this.#read(socket, chunk.toString("latin1")),
        close: (socket) => void this.#within.delete(socket),
        error: () => undefined,
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get busy(): boolean {
    return this.#within.size > 0;
  }

  take(): SeenRequest[] {
    return this.#seen.splice(0);
  }

  stop(): void {
    this.#listener.stop(true);
  }

  #read(socket: Socket<{ text: string }>, more: string): void {
    const text = socket.data.text + more;
    const { requests, rest, stopped } = readRequests(text);
    socket.data.text = rest;
    this.#seen.push(...requests);
    for (const { method } of requests)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === "HEAD" ? "" : "ok"}`);
    if (stopped === "refused") {
      this.anomalies.push(text);
      socket.terminate();
    }
    if (stopped === "incomplete") this.#within.add(socket);
    else this.#within.delete(socket);
  }
}

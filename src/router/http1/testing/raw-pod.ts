import type { Socket, TCPSocketListener } from "bun";

/** One connection that a pod accepted: answers are written as they are given, byte for byte. */
export class PodConnection {
  /** What came and was not taken as a request yet. */
  unread = Buffer.alloc(0);
  bytesIn = 0;
  requests = 0;
  ended = false;
  readonly socket: Socket<PodConnection>;
  #queue: Uint8Array[] = [];
  #fin = false;

  constructor(socket: Socket<PodConnection>) {
    this.socket = socket;
  }

  get unsentBytes(): number {
    return this.#queue.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  send(data: string | Uint8Array): void {
    this.#queue.push(typeof data === "string" ? Buffer.from(data, "latin1") : data);
    this.flush();
  }

  fin(): void {
    this.#fin = true;
    this.flush();
  }

  reset(): void {
    this.socket.terminate();
  }

  flush(): void {
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const wrote = this.socket.write(chunk);
      if (wrote < 0) return;
      if (wrote < chunk.length) {
        this.#queue[0] = chunk.subarray(wrote);
        return;
      }
      this.#queue.shift();
    }
    if (this.#fin) {
      this.#fin = false;
      this.socket.shutdown();
    }
  }
}

export interface PodRequest {
  /** Request line and headers. */
  readonly head: string;
  /** As it came: a chunked body with its framing. */
  readonly body: Buffer;
  readonly connection: PodConnection;
}

export interface RawPodOptions {
  /** Called for each whole request. */
  readonly onRequest?: (request: PodRequest) => void;
  /** Instead of reading requests: called for what comes. */
  readonly onData?: (connection: PodConnection, chunk: Buffer) => void;
}

/** A pod that reads requests simply and writes what a test tells it to. */
export class RawPod {
  readonly connections: PodConnection[] = [];
  readonly requests: PodRequest[] = [];
  readonly #listener: TCPSocketListener<PodConnection>;
  readonly #options: RawPodOptions;

  constructor(options: RawPodOptions, port = 0) {
    this.#options = options;
    this.#listener = Bun.listen<PodConnection>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = new PodConnection(socket);
          this.connections.push(socket.data);
        },
        data: (socket, chunk) => this.#read(socket.data, chunk),
        drain: (socket) => socket.data.flush(),
        end: (socket) => {
          socket.data.ended = true;
          socket.data.fin();
        },
        close: (socket) => {
          socket.data.ended = true;
        },
        error: () => undefined,
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.connections.filter((one) => !one.ended).length;
  }

  stop(): void {
    this.#listener.stop(true);
  }

  #read(connection: PodConnection, chunk: Buffer): void {
    connection.bytesIn += chunk.length;
    if (this.#options.onData !== undefined) {
      this.#options.onData(connection, chunk);
      return;
    }
    connection.unread = Buffer.concat([connection.unread, chunk]);
    for (;;) {
      const request = nextRequest(connection);
      if (request === undefined) return;
      connection.requests++;
      this.requests.push(request);
      this.#options.onRequest?.(request);
    }
  }
}

/** A pod that answers every request with its name. */
export function namedPod(name: string): RawPod {
  return new RawPod({ onRequest: ({ connection }) => connection.send(ok(name)) });
}

/** A whole answer with a body of known length. */
export function ok(body: string, headers = ""): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}

function nextRequest(connection: PodConnection): PodRequest | undefined {
  const { unread } = connection;
  const end = unread.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = unread.toString("latin1", 0, end + 2);
  const from = end + 4;
  let to = from;
  if (/^transfer-encoding: chunked/im.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(unread.toString("latin1", from));
    if (last === null) return undefined;
    to = from + last.index + last[0].length;
  } else to = from + Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  if (unread.length < to) return undefined;
  connection.unread = unread.subarray(to);
  return { head, body: unread.subarray(from, to), connection };
}

import type { Socket, TCPSocketListener } from "bun";

/**
 * How a pod behaves: `ok` answers; `error` answers 500; `hang` takes requests and never answers; `drop` takes them and
 * resets the connection; `cut` resets it in the middle of the answer.
 */
export type PodMode = "ok" | "error" | "hang" | "drop" | "cut";

interface Connection {
  rest: Buffer;
  /** An answer is being delayed; pipelined requests wait for it. */
  waiting: boolean;
  left: number;
}

/**
 * A pod that speaks HTTP/1.1 on a raw socket: answers with its name (body, and header `x-pod`), after the milliseconds
 * that the header `x-wait-ms` asks for, and counts every `x-id` that reached it. Reads bodies with a length or chunks.
 */
export class PodServer {
  readonly name: string;
  mode: PodMode = "ok";
  requests = 0;
  connections = 0;
  /** Requests that wait for their answer. */
  inFlight = 0;
  /** How often each `x-id` came. */
  readonly ids = new Map<string, number>();
  readonly #listener: TCPSocketListener<Connection>;
  readonly #open = new Set<Socket<Connection>>();
  #ending: (() => void) | undefined;

  constructor(name: string, hostname: string, port = 0) {
    this.name = name;
    this.#listener = Bun.listen<Connection>({
      hostname,
      port,
      socket: {
        open: (socket) => {
          this.connections++;
          socket.data = { rest: Buffer.alloc(0), waiting: false, left: 0 };
          this.#open.add(socket);
        },
        data: (socket, chunk) => {
          socket.data.rest = socket.data.rest.length === 0 ? chunk : Buffer.concat([socket.data.rest, chunk]);
          this.#serve(socket);
        },
        close: (socket) => {
          this.#open.delete(socket);
          if (!socket.data.waiting) return;
          socket.data.waiting = false;
          this.#less();
        },
        error: () => undefined,
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** As a pod that is told to end: takes no new connections, answers what it has, closes; resolves when all is done. */
  async end(): Promise<void> {
    this.#listener.stop();
    const done = new Promise<void>((resolve) => {
      this.#ending = resolve;
    });
    for (const socket of this.#open) if (!socket.data.waiting) socket.end();
    if (this.inFlight === 0) this.#ending?.();
    await done;
    this.#listener.stop(true);
  }

  #serve(socket: Socket<Connection>): void {
    const connection = socket.data;
    while (!connection.waiting) {
      const { rest } = connection;
      const end = rest.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = rest.toString("latin1", 0, end);
      const bodyEnd = endOfBody(rest, { head, at: end + 4 });
      if (bodyEnd === undefined) return;
      connection.rest = rest.subarray(bodyEnd);
      this.#answer(socket, head);
    }
  }

  #answer(socket: Socket<Connection>, head: string): void {
    this.requests++;
    const id = fieldOf(head, "x-id");
    if (id !== undefined) this.ids.set(id, (this.ids.get(id) ?? 0) + 1);
    socket.data.waiting = true;
    this.inFlight++;
    if (this.mode === "hang") return;
    if (this.mode === "drop") {
      socket.terminate();
      return;
    }
    const waitMs = Number(fieldOf(head, "x-wait-ms") ?? 0);
    if (waitMs > 0) setTimeout(() => this.#finish(socket, head), waitMs);
    else this.#finish(socket, head);
  }

  #finish(socket: Socket<Connection>, head: string): void {
    if (!socket.data.waiting) return;
    socket.data.waiting = false;
    this.#less();
    const body = head.startsWith("HEAD ") ? "" : `${this.name}\n`;
    const status = this.mode === "error" ? "500 Internal Server Error" : "200 OK";
    const close = this.#ending === undefined ? "" : "connection: close\r\n";
    const answer = `HTTP/1.1 ${status}\r\ncontent-length: ${this.name.length + 1}\r\nx-pod: ${this.name}\r\n${close}\r\n${body}`;
    if (this.mode === "cut") {
      socket.write(answer.slice(0, -3));
      socket.terminate();
      return;
    }
    socket.write(answer);
    if (this.#ending === undefined) {
      if (socket.data.rest.length > 0) queueMicrotask(() => this.#serve(socket));
      return;
    }
    socket.end();
  }

  #less(): void {
    this.inFlight--;
    if (this.inFlight === 0 && this.#ending !== undefined) setImmediate(this.#ending);
  }
}

function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim();
}

/** Index after the body; undefined while it is not all there. */
function endOfBody(bytes: Buffer, { head, at }: { head: string; at: number }): number | undefined {
  if (fieldOf(head, "transfer-encoding") === undefined) {
    const end = at + Number(fieldOf(head, "content-length") ?? 0);
    return bytes.length < end ? undefined : end;
  }
  for (let from = at; ;) {
    const line = bytes.indexOf("\r\n", from);
    if (line === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", from, line), 16);
    if (size === 0) {
      const end = bytes.indexOf("\r\n\r\n", line);
      return end === -1 ? undefined : end + 4;
    }
    from = line + 2 + size + 2;
    if (bytes.length < from) return undefined;
  }
}

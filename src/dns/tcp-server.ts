import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import { MAX_TCP_BYTES } from "./constants.ts";
import { u16 } from "./query.ts";
import type { Responder } from "./responder.ts";

/** A client that sends nothing is let go after this, s (RFC 7766 section 6.2.3 wants seconds). */
const IDLE_SECONDS = 10;
/** More connections at once are cut. */
const MAX_CONNECTIONS = 1024;
/** A client that does not read its answers is cut past this, bytes. */
const MAX_UNREAD_BYTES = 4 * MAX_TCP_BYTES;

export interface TcpServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
}

/** What is open on a connection: a part of a message in, answers that were not taken out. */
class Connection {
  part: Uint8Array | undefined;
  unread: Uint8Array[] = [];
  unreadBytes = 0;
}

/** DNS over TCP: each message behind its length, several on a connection, answered in order (RFC 7766). */
export class TcpServer {
  readonly #listener: TCPSocketListener<Connection>;
  readonly #responder: Responder;
  #connections = 0;

  /** Throws the system's error when the address cannot be had. */
  constructor({ hostname, port, responder }: TcpServerOptions) {
    this.#responder = responder;
    const options = {
      hostname,
      port,
      // Not among the runtime's types, but among what it does.
      reusePort: true,
      socket: {
        open: (socket) => {
          socket.data = new Connection();
          socket.timeout(IDLE_SECONDS);
          if (++this.#connections > MAX_CONNECTIONS) socket.terminate();
        },
        data: (socket, chunk) => {
          socket.timeout(IDLE_SECONDS);
          this.#read(socket, chunk);
        },
        drain: (socket) => flush(socket),
        timeout: (socket) => socket.terminate(),
        close: () => void this.#connections--,
        error: (socket) => socket.terminate(),
      } satisfies SocketHandler<Connection>,
    };
    this.#listener = Bun.listen<Connection>(options);
  }

  get port(): number {
    return this.#listener.port;
  }

  get connections(): number {
    return this.#connections;
  }

  close(): void {
    this.#listener.stop(true);
  }

  #read(socket: Socket<Connection>, chunk: Uint8Array): void {
    const { data } = socket;
    const bytes = data.part === undefined ? chunk : Buffer.concat([data.part, chunk]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      const length = u16(bytes, at);
      const end = at + 2 + length;
      if (end > bytes.length) break;
      const answered = this.#responder.respond(bytes.subarray(at + 2, end), length, "tcp");
      if (answered === 0) {
        // What is no query deserves no connection.
        socket.terminate();
        return;
      }
      const answer = new Uint8Array(2 + answered);
      answer[0] = answered >> 8;
      answer[1] = answered & 0xff;
      answer.set(this.#responder.out.subarray(0, answered), 2);
      data.unread.push(answer);
      data.unreadBytes += answer.length;
      at = end;
    }
    data.part = at === bytes.length ? undefined : bytes.slice(at);
    flush(socket);
    if (data.unreadBytes > MAX_UNREAD_BYTES) socket.terminate();
  }
}

function flush(socket: Socket<Connection>): void {
  const { data } = socket;
  for (let first = data.unread[0]; first !== undefined; first = data.unread[0]) {
    const wrote = socket.write(first);
    if (wrote < 0) return;
    data.unreadBytes -= wrote;
    if (wrote < first.length) {
      data.unread[0] = first.subarray(wrote);
      return;
    }
    data.unread.shift();
  }
}

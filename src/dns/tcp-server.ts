import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import { MAX_QUERY_BYTES, MAX_TCP_BYTES } from "./constants.ts";
import { u16 } from "./query.ts";
import type { Responder } from "./responder.ts";

/** RFC 7766 section 6.2.3 wants seconds; the runtime counts in steps of 4, so 8 to 12. */
const IDLE_SECONDS = 10;
/** More connections at once are cut. */
const MAX_CONNECTIONS = 1024;
const LENGTH_BYTES = 2;

export interface TcpServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
  /** A client without a whole query, or that does not take its answers, is let go after this, s [10]. */
  readonly idleSeconds?: number;
}

/** Why connections were cut: more than 1,024 at once, nothing whole for too long, or something that is no query. */
export interface TcpCuts {
  limit: number;
  idle: number;
  malformed: number;
}

/** What is open on a connection; nothing is read while there are answers that were not taken. */
class Connection {
  queries: Uint8Array | undefined;
  answers: Uint8Array | undefined;
}

type Client = Socket<Connection>;

/**
 * DNS over TCP: each message behind its length, several on a connection, answered in order (RFC 7766). Answers to queries that came
 * together are written together. A client that does not read is not read from: what it can make us keep is one answer that the
 * kernel did not take (at most 128 KiB) and what it had sent before.
 */
export class TcpServer {
  readonly #listener: TCPSocketListener<Connection>;
  readonly #responder: Responder;
  readonly #idleSeconds: number;
  /** Answers of one turn: room for another largest one is kept. */
  readonly #batch = new Uint8Array(2 * (LENGTH_BYTES + MAX_TCP_BYTES));
  readonly #answer = new Uint8Array(MAX_TCP_BYTES);
  #connections = 0;
  readonly cuts: TcpCuts = { limit: 0, idle: 0, malformed: 0 };

  /** Throws the system's error when the address cannot be had. */
  constructor({ hostname, port, responder, idleSeconds = IDLE_SECONDS }: TcpServerOptions) {
    this.#responder = responder;
    this.#idleSeconds = idleSeconds;
    const options = {
      hostname,
      port,
      // Not among the runtime's types, but among what it does.
      reusePort: true,
      socket: {
        open: (socket) => {
          socket.data = new Connection();
          socket.timeout(idleSeconds);
          if (++this.#connections > MAX_CONNECTIONS) this.#cut(socket, "limit");
        },
        data: (socket, chunk) => {
          const { data } = socket;
          data.queries = data.queries === undefined ? chunk : Buffer.concat([data.queries, chunk]);
          this.#work(socket);
        },
        drain: (socket) => this.#drained(socket),
        timeout: (socket) => this.#cut(socket, "idle"),
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

  #cut(socket: Client, reason: keyof TcpCuts): void {
    this.cuts[reason]++;
    socket.terminate();
  }

  /** Answers what is there, until the client has to read first. */
  #work(socket: Client): void {
    const { data } = socket;
    while (data.answers === undefined && data.queries !== undefined) {
      const used = this.#respond(data.queries);
      if (used.cut) {
        this.#cut(socket, "malformed");
        return;
      }
      if (used.queries === 0) return;
      data.queries = used.queries === data.queries.length ? undefined : data.queries.slice(used.queries);
      // Only whole queries count as life: bytes that trickle do not keep a connection.
      socket.timeout(this.#idleSeconds);
      const wrote = Math.max(0, socket.write(this.#batch.subarray(0, used.answers)));
      if (wrote < used.answers) {
        data.answers = this.#batch.slice(wrote, used.answers);
        socket.pause();
      }
    }
  }

  #drained(socket: Client): void {
    const { data } = socket;
    if (data.answers === undefined) return;
    const wrote = Math.max(0, socket.write(data.answers));
    if (wrote > 0) socket.timeout(this.#idleSeconds);
    data.answers = wrote === data.answers.length ? undefined : data.answers.subarray(wrote);
    if (data.answers !== undefined) return;
    socket.resume();
    this.#work(socket);
  }

  /** Fills the batch; `cut`: there is something that is no query, and what is no query deserves no connection. */
  #respond(bytes: Uint8Array): { queries: number; answers: number; cut: boolean } {
    const responder = this.#responder;
    const batch = this.#batch;
    let [queries, answers] = [0, 0];
    while (queries + LENGTH_BYTES <= bytes.length && answers + LENGTH_BYTES + MAX_TCP_BYTES <= batch.length) {
      const length = u16(bytes, queries);
      if (length > MAX_QUERY_BYTES) return { queries, answers, cut: true };
      const end = queries + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      responder.out = this.#answer;
      const answered = responder.respond(bytes.subarray(queries + LENGTH_BYTES, end), length, "tcp");
      if (answered === 0) return { queries, answers, cut: true };
      batch[answers] = answered >> 8;
      batch[answers + 1] = answered & 0xff;
      batch.set(this.#answer.subarray(0, answered), answers + LENGTH_BYTES);
      answers += LENGTH_BYTES + answered;
      queries = end;
    }
    return { queries, answers, cut: false };
  }
}

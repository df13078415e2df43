import type { Socket, TCPSocketListener, udp } from "bun";
import { MAX_TCP_BYTES } from "#dns/constants.ts";

/** More connections at once are cut. */
const MAX_CONNECTIONS = 128;
const IDLE_SECONDS = 10;
/** Queries of one connection that wait for their turn, bytes. */
const MAX_WAITING_BYTES = MAX_TCP_BYTES + 2;

/** Answers one query; undefined: there is to be no answer. Never rejects. */
export type AnswerQuery = (
  query: Uint8Array,
  transport: "udp" | "tcp",
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

class Connection {
  waiting: Uint8Array = new Uint8Array();
  busy = false;
  closed = false;
  drained: (() => void) | undefined;
}

type Client = Socket<Connection>;

/**
 * DNS over UDP and TCP on one address, for answers that may take their time. Queries of a connection are answered one after the
 * other.
 */
export class DnsListener {
  readonly #answer: AnswerQuery;
  readonly #tcp: TCPSocketListener<Connection>;
  #udp: udp.Socket<"uint8array"> | undefined;
  #connections = 0;
  #closed = false;

  /** Listens over TCP; `listenUdp` makes it whole. Throws the system's error when the address cannot be had. */
  constructor(options: { hostname: string; port: number; answer: AnswerQuery }) {
    this.#answer = options.answer;
    this.#tcp = Bun.listen<Connection>({
      hostname: options.hostname,
      port: options.port,
      socket: {
        open: (socket) => {
          socket.data = new Connection();
          socket.timeout(IDLE_SECONDS);
          if (++this.#connections > MAX_CONNECTIONS) socket.terminate();
        },
        data: (socket, chunk) => {
          const { data } = socket;
          data.waiting = data.waiting.length === 0 ? chunk : Buffer.concat([data.waiting, chunk]);
          if (data.waiting.length > MAX_WAITING_BYTES) socket.terminate();
          else if (!data.busy) void this.#work(socket);
        },
        drain: ({ data }) => data.drained?.(),
        timeout: (socket) => socket.terminate(),
        close: ({ data }) => {
          this.#connections--;
          data.closed = true;
          data.drained?.();
        },
        error: (socket) => socket.terminate(),
      },
    });
  }

  get port(): number {
    return this.#tcp.port;
  }

  /** Rejects with the system's error when the address cannot be had. */
  async listenUdp(): Promise<void> {
    const socket = await Bun.udpSocket({
      hostname: this.#tcp.hostname,
      port: this.#tcp.port,
      binaryType: "uint8array",
      socket: {
        data: (from, query, port, address) => {
          const answer = this.#answer(query, "udp");
          if (answer instanceof Promise)
            void answer.then((bytes) => this.#reply(from, { bytes, port, address }));
          else this.#reply(from, { bytes: answer, port, address });
        },
        // Of clients that have gone.
        error: () => undefined,
      },
    });
    if (this.#closed) socket.close();
    else this.#udp = socket;
  }

  close(): void {
    this.#closed = true;
    this.#tcp.stop(true);
    this.#udp?.close();
  }

  #reply(
    socket: udp.Socket<"uint8array">,
    { bytes, port, address }: { bytes: Uint8Array | undefined; port: number; address: string },
  ): void {
    if (bytes === undefined || this.#closed) return;
    try {
      socket.send(bytes, port, address);
    } catch {
      // Lost, as UDP loses: the system told of a client that has gone.
    }
  }

  async #work(socket: Client): Promise<void> {
    const { data } = socket;
    data.busy = true;
    for (;;) {
      const { waiting } = data;
      const length = ((waiting[0] ?? 0) << 8) | (waiting[1] ?? 0);
      if (data.closed || waiting.length < 2 || waiting.length < 2 + length) break;
      data.waiting = waiting.slice(2 + length);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const answer = await this.#answer(waiting.slice(2, 2 + length), "tcp");
      if (answer === undefined) {
        socket.terminate();
        break;
      }
      socket.timeout(IDLE_SECONDS);
      // oxlint-disable-next-line no-await-in-loop
      await write(socket, Buffer.concat([Uint8Array.of(answer.length >> 8, answer.length & 255), answer]));
    }
    data.busy = false;
  }
}

async function write(socket: Client, bytes: Uint8Array): Promise<void> {
  const { data } = socket;
  let rest = bytes;
  while (!data.closed) {
    rest = rest.subarray(Math.max(0, socket.write(rest)));
    if (rest.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    data.drained = resolve;
    // oxlint-disable-next-line no-await-in-loop
    await promise;
    data.drained = undefined;
  }
}

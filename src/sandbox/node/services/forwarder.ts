import type { Socket, TCPSocketListener } from "bun";

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Where the connections of one Service port go; shared by its ClusterIP, node port and LoadBalancer address. */
export class Backends {
  targets: readonly Target[] = [];
  #next = 0;

  /** The next target in turn. */
  pick(): Target | undefined {
    const { length } = this.targets;
    if (length === 0) return undefined;
    const index = this.#next % length;
    this.#next = index + 1;
    return this.targets[index];
  }
}

/** Targets tried for one connection before the client is reset. */
const MAX_ATTEMPTS = 5;

type Side = "client" | "server";

/**
 * One forwarded connection: two sockets and what is on its way between them.
 *
 *   accepted (client paused) -> connecting (next target when refused) -> piping -> closed
 *
 * Each direction ends by itself: FIN is passed on as FIN after the last byte, RST as RST.
 */
class Pipe {
  readonly backends: Backends;
  client: Socket<End> | undefined;
  server: Socket<End> | undefined;
  attempts = 0;
  closed = false;

  constructor(backends: Backends) {
    this.backends = backends;
  }
}

/** One socket's view of its pipe. */
class End {
  readonly pipe: Pipe;
  readonly side: Side;
  /** Bytes that this socket could not take yet; its peer is paused meanwhile. */
  pending: Uint8Array | undefined;
  /** FIN came in from this socket. */
  ended = false;
  /** FIN went out to this socket, or goes after `pending`. */
  finishing = false;
  finished = false;
  /** A write to it failed. That may have taken the error of an RST with it: Bun then tells of an end, which it is not. */
  broken = false;

  constructor(pipe: Pipe, side: Side) {
    this.pipe = pipe;
    this.side = side;
  }

  get peer(): Socket<End> | undefined {
    return this.side === "client" ? this.pipe.server : this.pipe.client;
  }
}

const handlers = {
  open(socket: Socket<End>): void {
    const { pipe } = socket.data;
    pipe.server = socket;
    if (pipe.closed) socket.terminate();
    else pipe.client?.resume();
  },
  data(socket: Socket<End>, chunk: Uint8Array): void {
    const { peer } = socket.data;
    if (peer === undefined) return;
    const written = peer.write(chunk);
    if (written >= chunk.length) return;
    if (written < 0) peer.data.broken = true;
    peer.data.pending = chunk.subarray(Math.max(0, written));
    socket.pause();
  },
  drain(socket: Socket<End>): void {
    const end = socket.data;
    if (end.pending !== undefined) {
      const written = socket.write(end.pending);
      if (written < 0) end.broken = true;
      if (written < end.pending.length) {
        end.pending = end.pending.subarray(Math.max(0, written));
        return;
      }
      end.pending = undefined;
      end.peer?.resume();
    }
    if (end.finishing) finish(socket);
  },
  end(socket: Socket<End>): void {
    const { peer, broken } = socket.data;
    if (broken) {
      socket.terminate();
      peer?.terminate();
      return;
    }
    socket.data.ended = true;
    if (peer === undefined) {
      socket.end();
      return;
    }
    peer.data.finishing = true;
    if (peer.data.pending === undefined) finish(peer);
  },
  close(socket: Socket<End>, error?: Error): void {
    const { pipe, peer, ended, finished, broken } = socket.data;
    pipe.closed = true;
    if (peer === undefined) return;
    if (error !== undefined || broken || !finished) peer.terminate();
    // Bun tells of a FIN that follows our own by `close` alone.
    else if (!ended) handlers.end(socket);
  },
  error(socket: Socket<End>): void {
    socket.terminate();
  },
  connectError(socket: Socket<End>): void {
    connect(socket.data.pipe);
  },
};

/** Sends the FIN; when both directions are done the sockets go. */
function finish(socket: Socket<End>): void {
  const { data } = socket;
  if (data.finished) return;
  data.finished = true;
  socket.shutdown();
  const { peer } = data;
  if (!data.ended || peer === undefined || !peer.data.finished) return;
  socket.end();
  peer.end();
}

function connect(pipe: Pipe): void {
  if (pipe.closed) return;
  const target = pipe.attempts++ < MAX_ATTEMPTS ? pipe.backends.pick() : undefined;
  if (target === undefined) {
    pipe.client?.terminate();
    return;
  }
  const data = new End(pipe, "server");
  // The refusal comes to `connectError`; the promise only repeats it.
  Bun.connect({
    hostname: target.host,
    port: target.port,
    allowHalfOpen: true,
    socket: handlers,
    data,
  }).catch(() => undefined);
}

/**
 * Listens on one address and passes each connection to a backend: round robin, the next one when one refuses, a
 * reset when none takes it. Throws what listening throws (EADDRINUSE, EACCES).
 */
export class Forwarder {
  readonly #listener: TCPSocketListener<End>;

  constructor(options: { host: string; port: number; backends: Backends }) {
    const { host, port, backends } = options;
    this.#listener = Bun.listen<End>({
      hostname: host,
      port,
      allowHalfOpen: true,
      socket: {
        ...handlers,
        open(socket) {
          const pipe = new Pipe(backends);
          socket.data = new End(pipe, "client");
          pipe.client = socket;
          // What the client says waits in the kernel until somebody is there to hear it.
          socket.pause();
          connect(pipe);
        },
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** New connections are refused from now on; present ones go on. */
  stop(options: { abort?: boolean } = {}): void {
    this.#listener.stop(options.abort === true);
  }
}

import type { Socket, TCPSocketListener } from "bun";

interface Held {
  queue: Uint8Array[];
  fin: boolean;
}

/** A pod: sends its name and a newline first when it has one, then echoes; half-closes when the client has. For tests. */
export class EchoBackend {
  connections = 0;
  readonly #listener: TCPSocketListener<Held>;

  constructor(name = "", { port = 0 }: { readonly port?: number } = {}) {
    this.#listener = Bun.listen<Held>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          this.connections++;
          socket.data = { queue: [], fin: false };
          if (name !== "") send(socket, Buffer.from(`${name}\n`));
        },
        data: (socket, chunk) => send(socket, chunk),
        drain: flush,
        end: (socket) => {
          socket.data.fin = true;
          flush(socket);
        },
        error: () => undefined,
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop(true);
  }
}

function send(socket: Socket<Held>, chunk: Uint8Array): void {
  socket.data.queue.push(new Uint8Array(chunk));
  flush(socket);
}

function flush(socket: Socket<Held>): void {
  const { queue } = socket.data;
  for (let chunk = queue[0]; chunk !== undefined; chunk = queue[0]) {
    const wrote = socket.write(chunk);
    if (wrote < 0) return;
    if (wrote < chunk.length) {
      queue[0] = chunk.subarray(wrote);
      socket.pause();
      return;
    }
    queue.shift();
  }
  socket.resume();
  if (socket.data.fin) socket.shutdown();
}

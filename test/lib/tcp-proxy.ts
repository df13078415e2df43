import type { Socket, TCPSocketListener } from "bun";

interface Side {
  other: Socket<Side> | undefined;
  /** Bytes from the other side that the kernel has not taken. */
  held: Uint8Array[];
}

type Mode = "forward" | "silent";

/**
 * Stands between two TCP peers and fails as networks do: `cut` resets what is open, `goSilent` keeps it open and lets
 * nothing through any more, new connections neither.
 */
export class TcpProxy implements Disposable {
  readonly address: { readonly hostname: string; readonly port: number };
  readonly #listener: TCPSocketListener<Side>;
  readonly #open = new Set<Socket<Side>>();
  #mode: Mode = "forward";

  constructor(hostname: string, target: { readonly hostname: string; readonly port: number }) {
    const handlers = {
      data: (socket: Socket<Side>, chunk: Buffer) => this.#forward(socket, chunk),
      drain: (socket: Socket<Side>) => flush(socket),
      end: (socket: Socket<Side>) => {
        socket.data.other?.shutdown();
      },
      close: (socket: Socket<Side>) => {
        this.#open.delete(socket);
        socket.data.other?.end();
      },
      error() {},
    };
    this.#listener = Bun.listen<Side>({
      hostname,
      port: 0,
      allowHalfOpen: true,
      socket: {
        ...handlers,
        open: (socket) => {
          socket.data = { other: undefined, held: [] };
          this.#open.add(socket);
          if (this.#mode === "silent") return;
          socket.pause();
          Bun.connect<Side>({
            ...target,
            allowHalfOpen: true,
            data: { other: socket, held: [] },
            socket: handlers,
          }).then(
            (other) => {
              this.#open.add(other);
              socket.data.other = other;
              socket.resume();
            },
            () => socket.terminate(),
          );
        },
      },
    });
    this.address = { hostname, port: this.#listener.port };
  }

  /** Resets all that is open, without a FIN. */
  cut(): void {
    for (const socket of this.#open) socket.terminate();
  }

  goSilent(): void {
    this.#mode = "silent";
  }

  /** Lets new connections through again; those that were open in the silence are reset. */
  recover(): void {
    this.cut();
    this.#mode = "forward";
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.cut();
  }

  #forward(socket: Socket<Side>, chunk: Buffer): void {
    const { other } = socket.data;
    if (this.#mode === "silent" || other === undefined) return;
    const taken = other.data.held.length > 0 ? 0 : other.write(chunk);
    if (taken < 0 || taken === chunk.length) return;
    other.data.held.push(Uint8Array.from(chunk.subarray(taken)));
    socket.pause();
  }
}

function flush(socket: Socket<Side>): void {
  const { held, other } = socket.data;
  for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) {
    const taken = socket.write(chunk);
    if (taken < chunk.length) {
      if (taken >= 0) held.unshift(chunk.subarray(taken));
      return;
    }
  }
  other?.resume();
}

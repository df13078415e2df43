import type { Socket } from "bun";

/** How a connection ended: `reset` is an RST, `clean` a FIN; `ms` is monotonic. */
export interface Ending {
  readonly how: "clean" | "reset" | "other";
  readonly ms: number;
}

export interface WatchedClientOptions {
  readonly hostname: string;
  readonly port: number;
  readonly onData?: (chunk: Uint8Array) => void;
}

/** A TCP client that keeps apart the ways in which a connection can end. */
export class WatchedClient implements Disposable {
  received = 0;
  readonly ending: Promise<Ending>;
  readonly #socket: Socket<WatchedClient | undefined>;
  #awaited = { received: Infinity, resolve: (): void => {} };
  readonly #end: (how: Ending["how"]) => void;

  private constructor(socket: Socket<WatchedClient | undefined>, ending: Ended) {
    this.#socket = socket;
    this.ending = ending.promise;
    this.#end = ending.end;
  }

  static async connect(options: WatchedClientOptions): Promise<WatchedClient> {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const end = (how: Ending["how"]): void => resolve({ how, ms: performance.now() });
    const socket = await Bun.connect<WatchedClient | undefined>({
      hostname: options.hostname,
      port: options.port,
      allowHalfOpen: true,
      socket: {
        data: ({ data: client }, chunk) => {
          if (client === undefined) throw new Error("Bytes before this client has sent any");
          client.received += chunk.length;
          if (client.received >= client.#awaited.received) client.#awaited.resolve();
          options.onData?.(chunk);
        },
        end: () => end("clean"),
        // Once this side has ended, Bun tells of the other's FIN by closing without an error.
        close: (_, error) => end(error === undefined ? "clean" : isReset(error) ? "reset" : "other"),
        error: (_, error) => end(isReset(error) ? "reset" : "other"),
      },
    });
    const client = new WatchedClient(socket, { promise, end });
    socket.data = client;
    return client;
  }

  get localPort(): number {
    return this.#socket.localPort;
  }

  /** What the kernel does not take is dropped. */
  write(chunk: Uint8Array | string): void {
    // A write that meets the RST first takes the error with it, and Bun then tells of an end.
    if (this.#socket.write(chunk) < 0) this.#end("reset");
  }

  /** Sends FIN. */
  shutdown(): void {
    this.#socket.shutdown();
  }

  pause(): void {
    this.#socket.pause();
  }

  /** Resolves as soon as so many more bytes came. */
  async next(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited = { received: this.received + bytes, resolve };
    await promise;
  }

  /** Resolves when at least this many bytes came. */
  async untilReceived(bytes: number, timeoutMs = 30_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (this.received < bytes) {
      if (performance.now() > endMs) throw new Error(`${this.received} of ${bytes} bytes in ${timeoutMs} ms`);
      await Bun.sleep(5);
    }
  }

  /** Sends RST. */
  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

interface Ended {
  readonly promise: Promise<Ending>;
  readonly end: (how: Ending["how"]) => void;
}

function isReset(error: Error): boolean {
  return "code" in error && error.code === "ECONNRESET";
}

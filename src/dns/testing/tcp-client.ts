import type { Socket } from "bun";

/** A TCP client that can stop reading; messages are kept. For tests. */
export class TcpClient implements Disposable {
  readonly got: Uint8Array[] = [];
  closed = false;
  readonly #socket: Socket;
  #bytes: Uint8Array = new Uint8Array();

  static async open(port: number, hostname = "127.0.0.1"): Promise<TcpClient> {
    const { promise, resolve } = Promise.withResolvers<TcpClient>();
    let client: TcpClient | undefined;
    await Bun.connect({
      hostname,
      port,
      socket: {
        open(socket) {
          client = new TcpClient(socket);
          resolve(client);
        },
        data(_socket, chunk) {
          if (client !== undefined) client.#read(chunk);
        },
        close() {
          if (client !== undefined) client.closed = true;
        },
        error() {},
      },
    });
    return await promise;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Messages with their lengths, as one piece. */
  static framed(...messages: readonly Uint8Array[]): Uint8Array {
    return Buffer.concat(messages.flatMap((one) => [Uint8Array.of(one.length >> 8, one.length & 0xff), one]));
  }

  /** Returns how many bytes the kernel took. */
  write(bytes: Uint8Array): number {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Waits until so many messages are there; false when they do not come in time. */
  async has(count: number, timeoutMs = 5000): Promise<boolean> {
    return await waitFor(() => this.got.length >= count, timeoutMs);
  }

  async isClosed(timeoutMs: number): Promise<boolean> {
    return await waitFor(() => this.closed, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #read(chunk: Uint8Array): void {
    let bytes: Uint8Array = Buffer.concat([this.#bytes, chunk]);
    while (bytes.length >= 2) {
      const end = 2 + ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0);
      if (bytes.length < end) break;
      this.got.push(bytes.slice(2, end));
      bytes = bytes.subarray(end);
    }
    this.#bytes = bytes;
  }
}

async function waitFor(what: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (!what() && performance.now() < endMs) await Bun.sleep(5);
  return what();
}

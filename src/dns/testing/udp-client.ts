import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** A UDP client of one port, which keeps what it gets. For tests. */
export class UdpClient implements Disposable {
  readonly got: Buffer[] = [];
  readonly #socket: Socket;
  readonly #port: number;
  readonly #hostname: string;
  #wake = Promise.withResolvers<void>();

  static async open(port: number, hostname = "127.0.0.1"): Promise<UdpClient> {
    const socket = createSocket(hostname.includes(":") ? "udp6" : "udp4");
    socket.bind(0, hostname);
    await once(socket, "listening");
    return new UdpClient(socket, { port, hostname });
  }

  private constructor(socket: Socket, { port, hostname }: { port: number; hostname: string }) {
    this.#socket = socket;
    this.#port = port;
    this.#hostname = hostname;
    socket.on("message", (message) => {
      this.got.push(message);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, this.#hostname);
  }

  /** Waits until so many answers are there; false when they do not come in time. */
  async has(count: number, timeoutMs = 3000): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    while (this.got.length < count && performance.now() < endMs)
      await Promise.race([this.#wake.promise, Bun.sleep(50)]);
    return this.got.length >= count;
  }

  /** Sends a query and waits for its answer. */
  async ask(bytes: Uint8Array): Promise<Buffer> {
    const before = this.got.length;
    this.send(bytes);
    if (!(await this.has(before + 1))) throw new Error("No answer over UDP");
    return this.got[before] as Buffer;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

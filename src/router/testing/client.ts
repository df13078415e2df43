import type { Socket } from "bun";

export type Ending = "open" | "fin" | "reset";

/** A TCP client that remembers what it read and how the connection ended. For tests. */
export class TestClient {
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  /** `fin`: the other side ended cleanly. `reset`: it broke. */
  ending: Ending = "open";
  keep = true;
  readonly #waiting = new Set<() => void>();
  #socket: Socket<TestClient> | undefined;
  #queue: Uint8Array[] = [];
  #fin = false;

  static async connect(port: number): Promise<TestClient> {
    const client = new TestClient();
    client.#socket = await Bun.connect<TestClient>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      data: client,
      socket: {
        data: (socket, chunk) => socket.data.#read(chunk),
        drain: (socket) => socket.data.#flush(),
        end: (socket) => socket.data.#end("fin"),
        // After our own FIN, Bun tells of the other's by closing without an error.
        close: (socket, error) => socket.data.#end(error === undefined ? "fin" : "reset"),
        error: () => undefined,
      },
    });
    return client;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  get unsentBytes(): number {
    return this.#queue.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  send(data: string | Uint8Array): void {
    this.#queue.push(typeof data === "string" ? Buffer.from(data) : data);
    this.#flush();
  }

  fin(): void {
    this.#fin = true;
    this.#flush();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  reset(): void {
    this.#socket?.terminate();
  }

  /** Resolves when `met` holds, looked at after each event; rejects after `timeoutMs`. */
  until(met: (client: TestClient) => boolean, timeoutMs = 5000): Promise<this> {
    if (met(this)) return Promise.resolve(this);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!met(this)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(
            `Not met in ${timeoutMs} ms: ${this.bytes} bytes, ${this.ending}, "${this.text.slice(0, 60)}"`,
          ),
        );
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  ended(timeoutMs?: number): Promise<this> {
    return this.until((one) => one.ending !== "open", timeoutMs);
  }

  #read(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.keep) this.chunks.push(new Uint8Array(chunk));
    this.#wake();
  }

  #end(how: Ending): void {
    if (how === "reset" || this.ending === "open") this.ending = how;
    this.#wake();
  }

  #wake(): void {
    for (const look of Array.from(this.#waiting)) look();
  }

  #flush(): void {
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const wrote = this.#socket?.write(chunk) ?? -1;
      if (wrote < 0) return;
      if (wrote < chunk.length) {
        this.#queue[0] = chunk.subarray(wrote);
        return;
      }
      this.#queue.shift();
    }
    if (this.#fin) {
      this.#fin = false;
      this.#socket?.shutdown();
    }
  }
}

import type { Socket, SocketHandler } from "bun";

const BLOCK_BYTES = 1024 ** 2;

export interface ExchangeOptions {
  /** Two seeds give different data. */
  readonly seed: number;
  readonly bytes: number;
  /** Keeps the last block back until the other side has ended: only half-closed connections get through. */
  readonly lastAfterFin?: boolean;
}

/** What one side saw of a connection. */
export interface Outcome {
  /** SHA-256 of what was sent and of what came. */
  readonly sent: string;
  readonly received: string;
  readonly receivedBytes: number;
  /** The other side ended by FIN, and this one has sent all. */
  readonly clean: boolean;
  /** When the first and the last byte came, monotonic ms of this process plus its time origin. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** One side of a connection on which both send, at once, data that is made of a seed, and then end their half. */
export class Exchange {
  readonly done: Promise<Outcome>;
  readonly #options: ExchangeOptions;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #block: Uint8Array;
  readonly #counter: DataView;
  readonly #sent = new Bun.CryptoHasher("sha256");
  readonly #received = new Bun.CryptoHasher("sha256");
  #receivedBytes = 0;
  #begun = 0;
  #inBlock = BLOCK_BYTES;
  #finIn = false;
  #finOut = false;
  #over = false;
  #firstMs = 0;
  #lastMs = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.done = promise;
    this.#resolve = resolve;
    this.#block = randomBlock(options.seed);
    this.#counter = new DataView(this.#block.buffer);
  }

  /** Sends until the kernel takes no more, a block per turn of the event loop so that reading goes on too. */
  send(socket: Socket<Exchange>): void {
    if (this.#finOut || this.#over) return;
    if (this.#inBlock === BLOCK_BYTES && !this.#nextBlock()) return;
    const taken = socket.write(this.#block.subarray(this.#inBlock));
    if (taken <= 0) return;
    this.#inBlock += taken;
    if (this.#inBlock < BLOCK_BYTES) return;
    if (this.#begun < this.#blocks) setImmediate(() => this.send(socket));
    else {
      this.#finOut = true;
      socket.shutdown();
    }
  }

  receive(chunk: Uint8Array): void {
    this.#lastMs = performance.timeOrigin + performance.now();
    if (this.#receivedBytes === 0) this.#firstMs = this.#lastMs;
    this.#received.update(chunk);
    this.#receivedBytes += chunk.length;
  }

  ended(socket: Socket<Exchange>): void {
    this.#finIn = true;
    this.send(socket);
  }

  closed(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolve({
      sent: this.#sent.digest("hex"),
      received: this.#received.digest("hex"),
      receivedBytes: this.#receivedBytes,
      // Once a side has ended, Bun may tell of the other's FIN by closing without an error.
      clean: error === undefined && this.#finOut,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    });
  }

  get #blocks(): number {
    return this.#options.bytes / BLOCK_BYTES;
  }

  /** False when there is none, or it has to wait. */
  #nextBlock(): boolean {
    const last = this.#begun === this.#blocks - 1;
    if (last && this.#options.lastAfterFin === true && !this.#finIn) return false;
    this.#counter.setUint32(0, this.#begun++);
    this.#sent.update(this.#block);
    this.#inBlock = 0;
    return true;
  }
}

/** For sockets whose `data` is an `Exchange`. */
export const EXCHANGE_HANDLERS = {
  open: (socket) => socket.data.send(socket),
  drain: (socket) => socket.data.send(socket),
  data: (socket, chunk) => socket.data.receive(chunk),
  end: (socket) => socket.data.ended(socket),
  close: (socket, error) => socket.data.closed(error),
  error: (socket, error) => socket.data.closed(error),
} satisfies SocketHandler<Exchange>;

/** xorshift32: the same for the same seed, and fast. */
function randomBlock(seed: number): Uint8Array {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let x = (seed + 1) * 0x9e37_79b9;
  for (let index = 0; index < words.length; index++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[index] = x;
  }
  return new Uint8Array(words.buffer);
}

import type { SocketEnd } from "../flow/socket-end.ts";

/** What a client sent before its time. While there is any, or while a body is stuck, the client is paused. */
export class ReadAhead {
  /** The pod does not take the body as fast as it comes. */
  blocked = false;
  readonly #client: SocketEnd;
  #bytes: Uint8Array | undefined;
  #paused = false;

  constructor(client: SocketEnd) {
    this.#client = client;
  }

  /** Nothing waits here. */
  get empty(): boolean {
    return this.#bytes === undefined;
  }

  /** Keeps `chunk` from `from` on, behind what is here. */
  hold(chunk: Uint8Array, from: number): void {
    const bytes = from === 0 ? chunk : chunk.subarray(from);
    this.#bytes = this.#bytes === undefined ? bytes : joined(this.#bytes, bytes);
    this.settle();
  }

  /** All of it, to be read now. */
  take(): Uint8Array | undefined {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    return bytes;
  }

  /** Pauses the client, or lets it send again, as it has to be now. */
  settle(): void {
    const wanted = this.blocked || this.#bytes !== undefined;
    if (wanted === this.#paused) return;
    this.#paused = wanted;
    this.#client.owe(wanted ? 1 : 0);
  }

  /** Forgets what is here. */
  drop(): void {
    this.#bytes = undefined;
    this.blocked = false;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

import { ptr } from "bun:ffi";
import { EDNS_UDP_BYTES, MAX_QUERY_BYTES } from "./constants.ts";
import { libc } from "./libc.ts";

/** Datagrams for one call of the system, at most. */
const BATCH = 64;
/** Room for the longest address that they come from: `sockaddr_in6`. */
const ADDRESS_BYTES = 28;
const MSG_DONTWAIT = 0x40;

/** `iovec` and `mmsghdr` of Linux where pointers have 64 bits, as words of 8 and of 4 bytes. */
const IOVEC = { bytes: 16, base64: 0, length32: 2 } as const;
const HEADER = {
  bytes: 64,
  address64: 0,
  addressLength32: 2,
  iovec64: 2,
  iovecs64: 3,
  length32: 14,
} as const;

/** Writes the answer to `query[0, length)` into `out` and returns its length; 0 when there is to be none. */
export type Answerer = (query: Uint8Array, length: number, out: Uint8Array<ArrayBuffer>) => number;

/**
 * Reads queries of a socket and answers them, up to 64 with two calls of the system, in memory that is made once: an answer goes to the very
 * bytes of the address that its query came from, and nothing becomes an object of the runtime.
 */
export class Datagrams {
  readonly #fd: number;
  readonly #calls: NonNullable<typeof libc>;
  readonly #in = new Messages(MAX_QUERY_BYTES);
  readonly #out = new Messages(EDNS_UDP_BYTES);
  readonly #addresses = new Uint8Array(BATCH * ADDRESS_BYTES);
  #failed = 0;

  /** Undefined where the system cannot do it. */
  static of(fd: number | undefined): Datagrams | undefined {
    return fd === undefined || libc === undefined ? undefined : new Datagrams(fd, libc);
  }

  private constructor(fd: number, calls: NonNullable<typeof libc>) {
    this.#fd = fd;
    this.#calls = calls;
    const addresses = ptr(this.#addresses);
    for (let n = 0; n < BATCH; n++) this.#in.address(n, addresses + n * ADDRESS_BYTES);
  }

  /** Answers that the system did not take. */
  get failed(): number {
    return this.#failed;
  }

  /** Answers what waits, at most 64; returns how many those were. */
  answer(answerer: Answerer): number {
    const [from, to] = [this.#in, this.#out];
    for (let n = 0; n < BATCH; n++) from.addressLength(n, ADDRESS_BYTES);
    const count = Math.max(0, this.#calls.recvmmsg(this.#fd, from.at(0), BATCH, MSG_DONTWAIT, null));
    let answers = 0;
    for (let n = 0; n < count; n++) {
      const length = answerer(from.bytes[n]!, from.received(n), to.bytes[answers]!);
      if (length > 0) to.reply(answers++, { to: from, n, length });
    }
    this.#send(answers);
    return count;
  }

  #send(count: number): void {
    for (let at = 0; at < count;) {
      let sent = this.#calls.sendmmsg(this.#fd, this.#out.at(at), count - at, 0);
      // A client that has gone (ICMP port unreachable) fails the next call, whoever that is for: hence once more.
      if (sent <= 0) sent = this.#calls.sendmmsg(this.#fd, this.#out.at(at), count - at, 0);
      if (sent <= 0) this.#failed++;
      at += Math.max(1, sent);
    }
  }
}

/** `mmsghdr` of a batch, each with one buffer. Who holds it holds the memory that the pointers lead to. */
class Messages {
  /** The buffer of each. */
  readonly bytes: readonly Uint8Array<ArrayBuffer>[];
  readonly #headers = new BigUint64Array((BATCH * HEADER.bytes) / 8);
  readonly #headers32 = new Uint32Array(this.#headers.buffer);
  readonly #iovecs = new BigUint64Array((BATCH * IOVEC.bytes) / 8);
  readonly #iovecs32 = new Uint32Array(this.#iovecs.buffer);
  readonly #start = ptr(this.#headers);

  constructor(bytesEach: number) {
    const memory = new Uint8Array(BATCH * bytesEach);
    this.bytes = Array.from({ length: BATCH }, (_, n) => memory.subarray(n * bytesEach, (n + 1) * bytesEach));
    for (let n = 0; n < BATCH; n++) {
      const iovec = (n * IOVEC.bytes) / 8;
      this.#iovecs[iovec + IOVEC.base64] = BigInt(ptr(memory) + n * bytesEach);
      this.#iovecs32[2 * iovec + IOVEC.length32] = bytesEach;
      const header = (n * HEADER.bytes) / 8;
      this.#headers[header + HEADER.iovec64] = BigInt(ptr(this.#iovecs) + n * IOVEC.bytes);
      this.#headers[header + HEADER.iovecs64] = 1n;
    }
  }

  /** Where the `n`th and those after it are. */
  at(n: number): ReturnType<typeof ptr> {
    return (this.#start + n * HEADER.bytes) as ReturnType<typeof ptr>;
  }

  address(n: number, pointer: number): void {
    this.#headers[(n * HEADER.bytes) / 8 + HEADER.address64] = BigInt(pointer);
  }

  addressLength(n: number, bytes: number): void {
    this.#headers32[(n * HEADER.bytes) / 4 + HEADER.addressLength32] = bytes;
  }

  received(n: number): number {
    return this.#headers32[(n * HEADER.bytes) / 4 + HEADER.length32]!;
  }

  /** Makes the `at`th an answer to the `n`th of others. */
  reply(
    at: number,
    { to, n, length }: { readonly to: Messages; readonly n: number; readonly length: number },
  ): void {
    const header = (at * HEADER.bytes) / 4;
    const other = (n * HEADER.bytes) / 4;
    // The pointer by its halves, and the length behind it.
    for (let word = 0; word <= HEADER.addressLength32; word++)
      this.#headers32[header + word] = to.#headers32[other + word]!;
    this.#iovecs32[(at * IOVEC.bytes) / 4 + IOVEC.length32] = length;
  }
}

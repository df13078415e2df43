import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

/** Of Linux, on all of its common architectures. */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;
const SO_MEMINFO = 55;
/** Of what SO_MEMINFO gives: datagrams that were lost for want of room, or let in by no filter. */
const DROPS = 8;
/** A `sock_filter` of one instruction, BPF_RET 0: nothing is let in. */
const NOTHING = Uint8Array.of(0x06, 0, 0, 0, 0, 0, 0, 0);

type Value = Uint8Array | Int32Array | Uint32Array;

/** What the runtime has no call for. Where there is none, nothing is done: `false`, 0. */
export class SocketOptions {
  readonly #calls: Calls | undefined;
  /** A `sock_fprog`: count of instructions, and where they are. */
  readonly #nothing = new Uint8Array(16);
  readonly #memory = new Uint32Array(9);
  readonly #length = new Uint32Array(1);

  constructor(fd: number | undefined) {
    this.#calls = fd === undefined ? undefined : callsOf(fd);
    if (this.#calls === undefined) return;
    const view = new DataView(this.#nothing.buffer);
    view.setUint16(0, 1, true);
    view.setBigUint64(8, BigInt(ptr(NOTHING)), true);
  }

  /** Room for datagrams that wait in the kernel, at most net.core.rmem_max; without it, some 270 queries. */
  receiveBuffer(bytes: number): boolean {
    return this.#calls?.set(SO_RCVBUF, Int32Array.of(bytes)) ?? false;
  }

  /** Datagrams that were lost so far. */
  drops(): number {
    this.#length[0] = this.#memory.byteLength;
    return this.#calls?.get(SO_MEMINFO, { value: this.#memory, length: this.#length }) === true
      ? this.#memory[DROPS]!
      : 0;
  }

  /** While it is deaf nothing new comes in; what waits already can be read. */
  deaf(on: boolean): boolean {
    if (on) return this.#calls?.set(SO_ATTACH_FILTER, this.#nothing) ?? false;
    return this.#calls?.set(SO_DETACH_FILTER, Int32Array.of(0)) ?? false;
  }
}

interface Calls {
  set(name: number, value: Value): boolean;
  get(name: number, into: { readonly value: Value; readonly length: Value }): boolean;
}

function callsOf(fd: number): Calls | undefined {
  if (libc === undefined) return undefined;
  const { setsockopt, getsockopt } = libc;
  return {
    set: (name, value) => setsockopt(fd, SOL_SOCKET, name, value, value.byteLength) === 0,
    get: (name, { value, length }) => getsockopt(fd, SOL_SOCKET, name, value, length) === 0,
  };
}

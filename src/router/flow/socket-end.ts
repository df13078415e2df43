import type { Socket, SocketHandler } from "bun";
import { retain } from "#core/bytes.ts";
import { NOWHERE, type End, type Flow } from "./flow.ts";

export type EndSocket = Socket<SocketEnd>;

/**
 * The end of a flow that is a TCP socket, and the `data` of that socket.
 *
 *     connecting --open--> open --peer's FIN--> half closed (in) --\
 *          |                 \---our FIN-----> half closed (out) ---+--> closed, clean
 *          \-- error, RST, reset() from anywhere ----------------------> closed, broken: the peer is reset
 *
 * Back-pressure: what the kernel does not take is held here, and the peer's source stands still until it went.
 */
export class SocketEnd implements End {
  peer: End = NOWHERE;
  received = 0;
  held = 0;
  /** Set when this end is for good one of its flow's two; until then its close concerns nobody else. */
  flow: Flow | undefined;
  #socket: EndSocket | undefined;
  /** Bytes handed to the peer that its sink has not taken: while there are any, this source is paused. */
  #owed = 0;
  #queue: Uint8Array[] = [];
  #finIn = false;
  #finOut = false;
  #closed = false;
  /** A write failed. It may have taken the error of an RST with it: Bun then tells of an end, which it is not. */
  #broken = false;

  get closed(): boolean {
    return this.#closed;
  }

  get socket(): EndSocket | undefined {
    return this.#socket;
  }

  attach(socket: EndSocket): void {
    this.#socket = socket;
  }

  deliver(chunk: Uint8Array): number {
    return this.deliverFirst(chunk, chunk.length);
  }

  /** `deliver` of the first `length` bytes: spares a view of memory that is used again and again. */
  deliverFirst(bytes: Uint8Array, length: number): number {
    if (this.#closed) return length;
    let took = 0;
    if (this.held === 0) {
      took = (this.#socket as EndSocket).write(bytes, 0, length);
      if (took === length) return took;
      if (took < 0) {
        this.#broken = true;
        return length; // Closing: `end` or `close` tells the peer.
      }
    }
    const rest = retain(length === bytes.length ? bytes : bytes.subarray(0, length), took);
    this.#queue.push(rest);
    this.held += rest.length;
    return took;
  }

  deliverFin(): void {
    this.#finOut = true;
    if (this.held === 0 && !this.#closed) this.#socket?.shutdown();
  }

  deliverReset(): void {
    if (this.#closed) return;
    this.#close();
    this.#socket?.terminate();
  }

  taken(bytes: number): void {
    if (this.#owed === 0) return;
    this.owe(this.#owed - bytes);
  }

  /** Sets how many bytes of this source wait somewhere: reading goes on when there are none. */
  owe(bytes: number): void {
    const before = this.#owed;
    this.#owed = Math.max(0, bytes);
    if (this.#closed) return;
    if (before === 0 && this.#owed > 0) this.#socket?.pause();
    else if (before > 0 && this.#owed === 0) this.#socket?.resume();
  }

  onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.received += chunk.length;
    const took = this.peer.deliver(chunk);
    if (took < chunk.length) this.owe(this.#owed + chunk.length - took);
  }

  onDrain(): void {
    if (this.held === 0 || this.#closed) return;
    const socket = this.#socket as EndSocket;
    let gone = 0;
    let index = 0;
    for (; index < this.#queue.length; index++) {
      const chunk = this.#queue[index] as Uint8Array;
      const took = socket.write(chunk);
      if (took < 0) {
        this.#broken = true;
        return;
      }
      gone += took;
      if (took < chunk.length) {
        this.#queue[index] = chunk.subarray(took);
        break;
      }
    }
    this.#queue.splice(0, index);
    this.held -= gone;
    if (this.held === 0 && this.#finOut) socket.shutdown();
    if (gone > 0) this.peer.taken(gone);
  }

  onEnd(): void {
    if (this.#finIn || this.#closed) return;
    if (this.#broken) {
      this.onClose(undefined);
      this.#socket?.terminate();
      return;
    }
    this.#finIn = true;
    this.peer.deliverFin();
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    const clean = error === undefined && !this.#broken && this.#finOut && this.held === 0;
    // Once this side has ended, Bun tells of the other's FIN by closing without an error, and not by `end`.
    if (clean) this.onEnd();
    else this.flow?.broke(this, "RESET_BY_PEER");
    this.#close();
    if (!clean) this.peer.deliverReset("RESET_BY_PEER", "Connection broke");
  }

  #close(): void {
    this.#closed = true;
    this.#queue = [];
    this.flow?.endClosed();
  }
}

/** One set of handlers for every socket that was accepted or connected; all state is in `socket.data`. */
export const SOCKET_HANDLERS = {
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  end: (socket) => socket.data.onEnd(),
  close: (socket, error) => socket.data.onClose(error),
  error: (socket, error) => {
    socket.data.onClose(error);
    socket.terminate();
  },
} satisfies SocketHandler<SocketEnd>;

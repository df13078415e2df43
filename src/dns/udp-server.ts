import type { udp } from "bun";
import { EDNS_UDP_BYTES } from "./constants.ts";
import { type Answerer, Datagrams } from "./datagrams.ts";
import type { Responder } from "./responder.ts";
import { SocketOptions } from "./socket-options.ts";

/** Answers that wait for one `sendMany`, at most: what one call of the system takes. */
const BATCH = 32;
/** Bursts of queries wait in the kernel. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** What the runtime reads at once, at most: when it has read so many, more are likely to wait. */
const RUNTIME_BATCH = 8;
/** After so many without a break it is looked at whether more comes than can be answered. */
const LOOK_EVERY = 4096;
/** The runtime's number for SO_REUSEPORT: not among its types, but what its own `node:dgram` passes. */
const REUSE_PORT = 4;

type RuntimeSocket = udp.Socket<"uint8array">;

export interface UdpServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
}

/**
 * DNS over UDP. Several processes may have the same address (SO_REUSEPORT): the kernel gives each client to one of them.
 *
 * Queries that came together are answered together: their answers go out by one `sendMany`, once the event loop has nothing more to
 * read or 32 wait. Measured per query, that takes half of the CPU that `node:dgram` takes. Slots and their views are made once and
 * used again. The runtime wakes us up and hands over what it has read, 8 at most, each as an object of its own; what came meanwhile is
 * read and answered by the system's own calls (`Datagrams`): under load nearly all, at three quarters of the CPU. So answers may overtake
 * each other, as over any UDP.
 *
 * The runtime reads on as long as there is something to read. Who sends more than can be answered would so keep the event loop here for
 * as long as he sends: no TCP, no change of the zone, no probe. So when the kernel had to drop queries, the socket is deaf until those
 * that wait are answered and the loop has been round.
 */
export class UdpServer {
  readonly #responder: Responder;
  #socket: RuntimeSocket | undefined;
  readonly #slots = Array.from({ length: BATCH }, () => new Slot());
  /** Answer, port and address of each that waits, in a row, as `sendMany` wants them. */
  readonly #waiting: (Uint8Array | number | string)[] = [];
  #count = 0;
  #armed = false;
  #failed = 0;
  #options = new SocketOptions(undefined);
  #datagrams: Datagrams | undefined;
  /** Datagrams since the event loop has been round. */
  #turn = 0;
  /** Those of them that the runtime read. */
  #handedOver = 0;
  #lookAt = LOOK_EVERY;
  #deaf = false;
  #drops = 0;
  #overloads = 0;

  /** Rejects with the system's error when the address cannot be had. */
  static async listen({ hostname, port, responder }: UdpServerOptions): Promise<UdpServer> {
    const server = new UdpServer(responder);
    const options = {
      hostname,
      port,
      binaryType: "uint8array",
      flags: REUSE_PORT,
      socket: {
        data: (_socket: RuntimeSocket, query: Uint8Array, from: number, address: string) => {
          if (server.#answer(query)) server.#queue(from, address);
          server.#taken();
        },
        // Of clients that have gone; their answers are lost, as UDP loses.
        error: () => {},
      },
    } satisfies udp.SocketOptions<"uint8array"> & { readonly flags: number };
    const socket: RuntimeSocket & { readonly fd?: number } = await Bun.udpSocket<"uint8array">(options);
    server.#options = new SocketOptions(socket.fd);
    server.#datagrams = Datagrams.of(socket.fd);
    server.#options.receiveBuffer(RECEIVE_BUFFER_BYTES);
    server.#socket = socket;
    return server;
  }

  private constructor(responder: Responder) {
    this.#responder = responder;
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  /** Answers that the system did not take. */
  get failed(): number {
    return this.#failed + (this.#datagrams?.failed ?? 0);
  }

  /** How often more came than could be answered. */
  get overloads(): number {
    return this.#overloads;
  }

  close(): void {
    this.#flush();
    this.#failed = this.failed;
    this.#datagrams = undefined;
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** False: there is to be no answer; else the next slot has it, and `#queue` sends it. */
  #answer(query: Uint8Array): boolean {
    const slot = this.#slots[this.#count]!;
    this.#responder.out = slot.bytes;
    const length = this.#responder.respond(query, query.length, "udp");
    if (length > 0) this.#waiting[3 * this.#count] = slot.view(length);
    return length > 0;
  }

  #queue(port: number, address: string): void {
    const at = 3 * this.#count++;
    this.#waiting[at + 1] = port;
    this.#waiting[at + 2] = address;
    if (this.#count === BATCH) this.#flush();
  }

  #taken(): void {
    if (!this.#armed) {
      this.#armed = true;
      setImmediate(this.#idle);
    }
    this.#turn++;
    if (++this.#handedOver % RUNTIME_BATCH === 0) this.#readOn();
    if (this.#turn >= this.#lookAt && !this.#deaf) this.#look();
  }

  /** Until nothing waits, or it is time to look. */
  #readOn(): void {
    for (let count = 1; count > 0 && this.#turn < this.#lookAt; this.#turn += count)
      count = this.#datagrams?.answer(this.#respond) ?? 0;
  }

  readonly #respond: Answerer = (query, length, out) => {
    this.#responder.out = out;
    return this.#responder.respond(query, length, "udp");
  };

  #look(): void {
    this.#lookAt = this.#turn + LOOK_EVERY;
    const drops = this.#options.drops();
    if (drops !== this.#drops) {
      this.#deaf = this.#options.deaf(true);
      this.#overloads++;
    }
    this.#drops = drops;
  }

  /** The loop has been round. */
  readonly #idle = (): void => {
    this.#armed = false;
    this.#turn = 0;
    this.#handedOver = 0;
    this.#lookAt = LOOK_EVERY;
    this.#flush();
    if (!this.#deaf) return;
    this.#options.deaf(false);
    this.#deaf = false;
    this.#drops = this.#options.drops();
  };

  #flush(): void {
    const count = this.#count;
    const socket = this.#socket;
    if (count === 0 || socket === undefined) return;
    this.#count = 0;
    this.#waiting.length = 3 * count;
    this.#failed += count - this.#send(socket);
  }

  /** Returns how many the system took. */
  #send(socket: RuntimeSocket): number {
    let sent = 0;
    try {
      sent = socket.sendMany(this.#waiting);
    } catch {
      // The system's word on one of them; below each has its own try.
    }
    for (let at = 3 * sent; at < this.#waiting.length; at += 3)
      // A client that has gone (ICMP port unreachable) fails the next call, whoever that is for: hence once more.
      if (this.#sendOne(socket, at) || this.#sendOne(socket, at)) sent++;
    return sent;
  }

  #sendOne(socket: RuntimeSocket, at: number): boolean {
    const [answer, port, address] = this.#waiting.slice(at, at + 3) as [Uint8Array, number, string];
    try {
      return socket.send(answer, port, address);
    } catch {
      return false;
    }
  }
}

/** Memory for one answer, with a view of it for each length that was needed so far. */
class Slot {
  readonly bytes = new Uint8Array(EDNS_UDP_BYTES);
  readonly #views: (Uint8Array | undefined)[] = [];

  view(length: number): Uint8Array {
    return (this.#views[length] ??= this.bytes.subarray(0, length));
  }
}

import type { Socket } from "bun";
import { systemClock } from "#core/clock.ts";
import { H2Counters } from "#http/h2/counters.ts";
import { Session } from "#http/h2/session.ts";
import type { SessionEvents } from "#http/h2/types.ts";

/** A session on a socket, for tests: the other side of what is tested. */
export class Peer {
  readonly session: Session;
  readonly counters = new H2Counters();
  /** What the peer's GOAWAY said. */
  goAways: { lastId: number; code: number }[] = [];
  closedBecause: string | undefined;
  #socket: Socket<Peer> | undefined;
  #queue: Uint8Array[] = [];
  #ended = false;

  constructor(role: "client" | "server", onStream?: SessionEvents["onStream"]) {
    this.session = new Session({
      role,
      clock: systemClock,
      counters: this.counters,
      send: (bytes) => {
        this.#queue.push(bytes);
        this.#flush();
      },
      events: {
        ...(onStream === undefined ? {} : { onStream }),
        onGoAway: (lastId, code) => this.goAways.push({ lastId, code }),
        onClosed: (reason) => {
          this.closedBecause = reason;
          this.#ended = true;
          this.#flush();
        },
      },
    });
  }

  opened(socket: Socket<Peer>): void {
    this.#socket = socket;
    this.session.start();
  }

  /** Breaks the connection, as a process that is killed does. */
  kill(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing more until `resume`, as a process that is stopped. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  static readonly handlers = {
    data: (socket: Socket<Peer>, chunk: Buffer): void => socket.data.session.receive(new Uint8Array(chunk)),
    drain: (socket: Socket<Peer>): void => socket.data.#flush(),
    end: (socket: Socket<Peer>): void => {
      socket.data.session.lost("end");
      socket.end();
    },
    close: (socket: Socket<Peer>): void => socket.data.session.lost("close"),
    error: (): void => undefined,
  };

  #flush(): void {
    const socket = this.#socket;
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const wrote = socket?.write(chunk) ?? -1;
      if (wrote < 0) return;
      if (wrote < chunk.length) {
        this.#queue[0] = chunk.subarray(wrote);
        this.session.transportBlocked(true);
        return;
      }
      this.#queue.shift();
    }
    this.session.transportBlocked(false);
    if (this.#ended) socket?.end();
  }
}

import type { udp } from "bun";
import type { Clock } from "#core/clock.ts";
import type { Backends, Target } from "./forwarder.ts";

/** A client that was silent this long, both ways, is forgotten; kube-proxy's conntrack has 30 to 120 s. */
const IDLE_MS = 60_000;
const SWEEP_MS = 10_000;
/** Clients at once; with one more, the one that was silent longest is forgotten. */
const MAX_SESSIONS = 1024;
/** Datagrams that wait for the socket of their session. */
const MAX_WAITING = 16;

type Datagrams = udp.Socket<"uint8array">;

/** One client address: its datagrams go to one endpoint, and what that sends comes back to it. */
class Session {
  readonly target: Target;
  readonly waiting: Uint8Array[] = [];
  socket: Datagrams | undefined;
  usedMs: number;
  over = false;

  constructor(target: Target, nowMs: number) {
    this.target = target;
    this.usedMs = nowMs;
  }

  end(): void {
    this.over = true;
    this.socket?.close();
    this.socket = undefined;
  }
}

export interface UdpForwarderOptions {
  readonly host: string;
  readonly port: number;
  readonly backends: Backends;
  readonly clock: Clock;
  /** [1024] */
  readonly maxSessions?: number;
  /** It does not listen, with the system's error; nothing else is to be expected of it. */
  failed(error: unknown): void;
}

/**
 * Passes the datagrams of each client address to one endpoint of a Service port, in turn, and its answers back. A session ends when
 * both sides are silent, when its endpoint is no longer among the targets, or when the endpoint's machine says that nobody is there.
 */
export class UdpForwarder {
  /** Resolves when it listens, or does not. */
  readonly ready: Promise<void>;
  readonly counters = { sessions: 0, evicted: 0, refused: 0, dropped: 0 };
  readonly #backends: Backends;
  readonly #clock: Clock;
  readonly #maxSessions: number;
  readonly #stopSweep: () => void;
  /** By client; the one that was silent longest comes first. */
  readonly #sessions = new Map<string, Session>();
  #socket: Datagrams | undefined;
  #stopped = false;

  constructor(options: UdpForwarderOptions) {
    this.#backends = options.backends;
    this.#clock = options.clock;
    this.#maxSessions = options.maxSessions ?? MAX_SESSIONS;
    this.#stopSweep = options.clock.every(SWEEP_MS, () => this.#sweep());
    this.ready = this.#listen(options).catch((error: unknown) => {
      this.stop();
      options.failed(error);
    });
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Everything ends at once: there are no connections to be let go on. */
  stop(): void {
    this.#stopped = true;
    this.#stopSweep();
    this.#socket?.close();
    this.#socket = undefined;
    for (const session of this.#sessions.values()) session.end();
    this.#sessions.clear();
  }

  async #listen({ host, port }: UdpForwarderOptions): Promise<void> {
    const socket = await Bun.udpSocket({
      hostname: host,
      port,
      binaryType: "uint8array",
      socket: {
        data: (_socket, bytes, from, address) => this.#fromClient(bytes, { port: from, host: address }),
        // Of clients that have gone.
        error: () => undefined,
      },
    });
    if (this.#stopped) socket.close();
    else this.#socket = socket;
  }

  #fromClient(bytes: Uint8Array, client: Target): void {
    const key = `${client.host} ${client.port}`;
    let session = this.#sessions.get(key);
    if (session !== undefined && !this.#backends.targets.includes(session.target)) {
      const { target } = session;
      // Targets are made anew with each change of the endpoints.
      if (!this.#backends.targets.some(({ host, port }) => host === target.host && port === target.port)) {
        this.#end(key, session);
        session = undefined;
      }
    }
    session ??= this.#open(key, client);
    if (session === undefined) {
      this.counters.dropped++;
      return;
    }
    this.#used(key, session);
    if (session.socket === undefined) {
      if (session.waiting.length < MAX_WAITING) session.waiting.push(Uint8Array.from(bytes));
      else this.counters.dropped++;
    } else this.#send(session.socket, bytes);
  }

  #open(key: string, client: Target): Session | undefined {
    const target = this.#backends.pick();
    if (target === undefined) return undefined;
    if (this.#sessions.size >= this.#maxSessions) {
      for (const [oldest, old] of this.#sessions) {
        this.counters.evicted++;
        this.#end(oldest, old);
        break;
      }
    }
    const session = new Session(target, this.#clock.monotonicMs());
    this.#sessions.set(key, session);
    this.counters.sessions++;
    void this.#connect(session, { key, client });
    return session;
  }

  async #connect(session: Session, { key, client }: { key: string; client: Target }): Promise<void> {
    try {
      const socket = await Bun.udpSocket({
        connect: { hostname: session.target.host, port: session.target.port },
        binaryType: "uint8array",
        socket: {
          data: (_socket, bytes) => {
            if (session.over || this.#socket === undefined) return;
            this.#used(key, session);
            this.#send(this.#socket, bytes, client);
          },
          // Nobody listens there: the next datagram tries another one.
          error: () => {
            if (session.over) return;
            this.counters.refused++;
            this.#end(key, session);
          },
        },
      });
      if (session.over) {
        socket.close();
        return;
      }
      session.socket = socket;
      for (const bytes of session.waiting.splice(0)) this.#send(socket, bytes);
    } catch {
      this.counters.refused++;
      this.#end(key, session);
    }
  }

  #send(socket: Datagrams, bytes: Uint8Array, to?: Target): void {
    try {
      const sent =
        to === undefined
          ? (socket as unknown as udp.ConnectedSocket<"uint8array">).send(bytes)
          : socket.send(bytes, to.port, to.host);
      if (!sent) this.counters.dropped++;
    } catch {
      // The system's word on somebody who has gone, or a full buffer: lost, as UDP loses.
      this.counters.dropped++;
    }
  }

  #used(key: string, session: Session): void {
    session.usedMs = this.#clock.monotonicMs();
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
  }

  #sweep(): void {
    const before = this.#clock.monotonicMs() - IDLE_MS;
    for (const [key, session] of this.#sessions) {
      if (session.usedMs > before) break;
      this.#end(key, session);
    }
  }

  #end(key: string, session: Session): void {
    session.end();
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
  }
}

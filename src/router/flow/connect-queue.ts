import type { Clock } from "#core/clock.ts";
import type { SocketHandler } from "bun";
import { SOCKET_HANDLERS, type EndSocket, type SocketEnd } from "./socket-end.ts";

const LOOK_MS = 25;

export interface Connect {
  readonly hostname: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly end: SocketEnd;
  readonly target: ConnectTarget;
}

/** Hears how a connect went: exactly one of the two, once, unless `cancel` came first. */
export interface ConnectTarget {
  onConnected(end: SocketEnd): void;
  onConnectFailed(reason: string): void;
}

interface Waiting {
  readonly connect: Connect;
  readonly deadlineMs: number;
}

/**
 * Makes TCP connections with a deadline. One coarse timer (25 ms) serves all, and only while something is connecting.
 * Bun cannot take back a connect: one that is too late or not wanted any more is closed when it opens.
 */
export class ConnectQueue {
  readonly #clock: Clock;
  readonly #waiting = new Map<SocketEnd, Waiting>();
  #stopTimer: (() => void) | undefined;
  readonly #handlers: SocketHandler<SocketEnd>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#handlers = {
      ...SOCKET_HANDLERS,
      open: (socket) => this.#opened(socket),
      connectError: (socket, error) => this.#failed(socket.data, codeOf(error)),
    };
  }

  get size(): number {
    return this.#waiting.size;
  }

  connect(connect: Connect): void {
    const { hostname, port, end: data } = connect;
    this.#waiting.set(data, { connect, deadlineMs: this.#clock.monotonicMs() + connect.timeoutMs });
    this.#stopTimer ??= this.#clock.every(LOOK_MS, () => this.#look());
    try {
      // A failure comes to `connectError`; Bun then does not report the promise.
      void Bun.connect({ hostname, port, allowHalfOpen: true, data, socket: this.#handlers });
    } catch (error) {
      queueMicrotask(() => this.#failed(data, codeOf(error)));
    }
  }

  /** Neither callback comes any more. */
  cancel(end: SocketEnd): void {
    this.#waiting.delete(end);
  }

  stop(): void {
    this.#waiting.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #opened(socket: EndSocket): void {
    const waiting = this.#waiting.get(socket.data);
    if (waiting === undefined) {
      socket.terminate();
      return;
    }
    this.#waiting.delete(socket.data);
    socket.data.attach(socket);
    waiting.connect.target.onConnected(socket.data);
  }

  #failed(end: SocketEnd, reason: string): void {
    const waiting = this.#waiting.get(end);
    if (waiting === undefined) return;
    this.#waiting.delete(end);
    waiting.connect.target.onConnectFailed(reason);
  }

  #look(): void {
    if (this.#waiting.size === 0) {
      this.stop();
      return;
    }
    const now = this.#clock.monotonicMs();
    for (const [end, { deadlineMs }] of this.#waiting) if (deadlineMs <= now) this.#failed(end, "ETIMEDOUT");
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "FAILED";
}

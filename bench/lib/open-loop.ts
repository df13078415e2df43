/**
 * An open-loop HTTP/1.1 client: requests fall due at a fixed rate whatever the answers do, so that a pause shows in the
 * latency of all requests that were due in it, not only of those that were under way.
 */
import { HttpConnection, type HttpOutcome, type HttpTarget } from "./http-connection.ts";

export interface OpenLoopOptions {
  readonly target: HttpTarget;
  readonly connections: number;
  readonly perSecond: number;
  /** The whole text of the n-th request. */
  readonly request: (n: number) => string;
  /** Of one request, from when it was due [10000]. */
  readonly timeoutMs?: number;
  /** Called for each request when it has ended. Times are monotonic ms. */
  readonly onDone: (sample: Sample) => void;
}

export interface Sample {
  readonly n: number;
  readonly dueMs: number;
  readonly doneMs: number;
  readonly outcome: HttpOutcome;
}

interface Due {
  readonly n: number;
  readonly dueMs: number;
}

/** How often due requests are sent, ms. */
const TICK_MS = 1;
const LOOK_MS = 100;

export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #idle: HttpConnection[] = [];
  readonly #busy = new Map<HttpConnection, Due>();
  /** Due, and no connection is free. */
  #waiting: Due[] = [];
  #due = 0;
  #startMs = 0;
  #tick: ReturnType<typeof setInterval> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #drained: (() => void) | undefined;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    for (let i = 0; i < options.connections; i++) this.#idle.push(new HttpConnection(options.target));
  }

  /** Requests that fell due and have not ended. */
  get underWay(): number {
    return this.#busy.size + this.#waiting.length;
  }

  start(): void {
    this.#startMs = performance.now();
    this.#tick = setInterval(() => this.#sendDue(), TICK_MS);
    this.#look = setInterval(() => this.#abortLate(), LOOK_MS);
  }

  /** No more requests fall due; resolves when those that did have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#tick);
    if (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    clearInterval(this.#look);
    for (const connection of this.#idle) connection.close();
  }

  #sendDue(): void {
    const { perSecond } = this.#options;
    const due = Math.floor(((performance.now() - this.#startMs) / 1000) * perSecond);
    while (this.#due < due) {
      const n = this.#due++;
      this.#send({ n, dueMs: this.#startMs + (n / perSecond) * 1000 });
    }
  }

  #send(due: Due): void {
    // The one that has rested longest, so that all of them work.
    const connection = this.#idle.shift();
    if (connection === undefined) {
      this.#waiting.push(due);
      return;
    }
    this.#busy.set(connection, due);
    connection.send(this.#options.request(due.n), (outcome) => {
      this.#busy.delete(connection);
      this.#idle.push(connection);
      this.#options.onDone({ ...due, doneMs: performance.now(), outcome });
      const next = this.#waiting.shift();
      if (next !== undefined) this.#send(next);
      else if (this.#busy.size === 0) this.#drained?.();
    });
  }

  #abortLate(): void {
    const lateMs = performance.now() - (this.#options.timeoutMs ?? 10_000);
    for (const [connection, { dueMs }] of Array.from(this.#busy)) {
      if (dueMs < lateMs) connection.abort("timeout");
    }
  }
}

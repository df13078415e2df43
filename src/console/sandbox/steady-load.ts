import { type Clock, systemClock } from "#core/clock.ts";

export interface SteadyLoadOptions {
  readonly host: string;
  readonly port: number;
  readonly rps: number;
  readonly clock?: Clock;
}

export interface LoadCount {
  readonly sent: number;
  readonly failed: number;
}

const TICK_MS = 20;
/** A request that takes longer has failed. */
const TIMEOUT_MS = 5000;
/** What is slow is not made slower: beyond so many open requests none is sent. */
const MAX_OPEN = 200;

/** Sends HTTP requests (GET /) at an even rate, each on a connection of its own, until stopped. A load that cannot be had is not made up for. */
export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<void>>();
  readonly #cancel: () => void;
  #due = 1;
  #lastMs: number;
  #sent = 0;
  #failed = 0;

  constructor(options: SteadyLoadOptions) {
    const { clock = systemClock } = options;
    this.#options = options;
    this.#lastMs = clock.monotonicMs();
    this.#cancel = clock.every(TICK_MS, () => this.#tick(clock.monotonicMs()));
  }

  get count(): LoadCount {
    return { sent: this.#sent, failed: this.#failed };
  }

  /** Sends no more, and resolves when nothing of it is under way. */
  async stop(): Promise<LoadCount> {
    this.#cancel();
    this.#stop.abort();
    await Promise.all(this.#open);
    return this.count;
  }

  #tick(nowMs: number): void {
    const { rps } = this.#options;
    // After a pause of the process at most one second's worth.
    this.#due = Math.min(this.#due + ((nowMs - this.#lastMs) / 1000) * rps, Math.max(1, rps));
    this.#lastMs = nowMs;
    for (; this.#due >= 1 && this.#open.size < MAX_OPEN; this.#due--) this.#send();
  }

  #send(): void {
    const one: Promise<void> = this.#ask().then(() => {
      this.#open.delete(one);
    });
    this.#open.add(one);
  }

  async #ask(): Promise<void> {
    const { host, port } = this.#options;
    this.#sent++;
    const name = host.includes(":") ? `[${host}]` : host;
    try {
      const answer = await fetch(`http://${name}:${port}/`, {
        keepalive: false,
        redirect: "manual",
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await answer.arrayBuffer();
      if (answer.status >= 500) this.#failed++;
    } catch {
      if (!this.#stop.signal.aborted) this.#failed++;
    }
  }
}

import type { Clock } from "#core/clock.ts";
import type { Failure } from "./check.ts";
import type { HealthConfig } from "./config.ts";

/** One endpoint that is probed: when it is due, and what its probes add up to. */
export class WatchedEndpoint {
  readonly host: string;
  readonly port: number;
  health: HealthConfig;
  /** Why it is unhealthy; undefined while it is healthy. */
  failure: Failure;
  /** Ends the probe that runs. */
  cancel: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #cancelWait: (() => void) | undefined;
  /** Of the other kind than its state, in a row. */
  #against = 0;

  constructor({
    host,
    port,
    health,
    clock,
    onDue,
  }: {
    readonly host: string;
    readonly port: number;
    readonly health: HealthConfig;
    readonly clock: Clock;
    readonly onDue: () => void;
  }) {
    this.host = host;
    this.port = port;
    this.health = health;
    this.#clock = clock;
    this.#onDue = onDue;
  }

  wait(delayMs: number): void {
    this.#cancelWait = this.#clock.after(delayMs, this.#onDue);
  }

  /** Nothing is due any more. Returns whether a probe ran, which is given up. */
  stop(): boolean {
    this.#cancelWait?.();
    const { cancel } = this;
    this.cancel = undefined;
    cancel?.();
    return cancel !== undefined;
  }

  /** Takes a result. Returns whether the verdict changed. */
  heard(failure: Failure): boolean {
    const { rise = 2, fall = 3 } = this.health;
    const healthy = this.failure === undefined;
    if (healthy === (failure === undefined)) {
      this.#against = 0;
      return false;
    }
    if (++this.#against < (healthy ? fall : rise)) return false;
    this.#against = 0;
    this.failure = failure;
    return true;
  }
}

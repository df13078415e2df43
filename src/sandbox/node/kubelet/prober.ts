import type { Clock } from "#core/clock.ts";
import type { Probe } from "../types.ts";

export type ProbeOutcome = { readonly ok: true } | { readonly ok: false; readonly message: string };

/**
 * A container that just started is looked at often, so that it serves as soon as it can: each 20 ms in its first
 * second, then each 50 ms, whatever its periodSeconds (longer than a kubelet's probing only in this). Such early
 * failures neither count towards failureThreshold nor give events.
 */
const EAGER_MS = 10_000;
const EAGER_FIRST_MS = 1000;
const EAGER_PERIODS_MS = [20, 50] as const;

export interface ProberOptions {
  readonly probe: Probe;
  readonly clock: Clock;
  /** Readiness and startup probes are eager, liveness is not. */
  readonly eager: boolean;
  run(): Promise<ProbeOutcome>;
  /** The verdict changed, or (threshold reached again) still stands: success or failure. */
  onVerdict(ok: boolean): void;
  /** One failure that counts. */
  onFailure(message: string): void;
}

/** Runs one probe of one container until stopped: first after initialDelaySeconds, then each periodSeconds. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #startedMs: number;
  #cancel: () => void;
  #stopped = false;
  #verdict: boolean | undefined;
  #successes = 0;
  #failures = 0;

  constructor(options: ProberOptions) {
    this.#options = options;
    const delayMs = (options.probe.initialDelaySeconds ?? 0) * 1000;
    this.#startedMs = options.clock.monotonicMs() + delayMs;
    this.#cancel = () => undefined;
    this.#next(delayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #next(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    const outcome = await this.#options.run();
    if (this.#stopped) return;
    const { probe } = this.#options;
    const sinceMs = this.#options.clock.monotonicMs() - this.#startedMs;
    const eager = this.#options.eager && this.#verdict !== true && sinceMs < EAGER_MS;
    if (outcome.ok) {
      this.#failures = 0;
      this.#successes++;
      if (this.#successes >= (probe.successThreshold ?? 1)) this.#decide(true);
    } else {
      this.#successes = 0;
      if (!eager) {
        this.#failures++;
        this.#options.onFailure(outcome.message);
        if (this.#failures >= (probe.failureThreshold ?? 3)) {
          this.#failures = 0;
          this.#decide(false);
        }
      }
    }
    if (this.#stopped) return;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const soon = eager && !outcome.ok;
    this.#next(soon ? Math.min(periodMs, EAGER_PERIODS_MS[sinceMs < EAGER_FIRST_MS ? 0 : 1]) : periodMs);
  }

  #decide(ok: boolean): void {
    if (ok && this.#verdict === true) return;
    this.#verdict = ok;
    this.#options.onVerdict(ok);
  }
}

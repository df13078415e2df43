import type { OutlierPolicy } from "./policy.ts";

/** Part of an ejection's time that is left to chance, so that routers do not come back all at once. */
const JITTER = 0.2;
/** Callers measure with clocks that stand still for a turn; nothing else was sent just before a trial. */
const TRIAL_TOLERANCE_MS = 50;

/**
 * Judges an endpoint by what becomes of its requests.
 *
 *     in --failures in a row reach the limit--> aside --time is over--> due --chosen--> on trial
 *      ^                                          ^                                       |
 *      |                                          +---failed: aside for twice as long-----+
 *      +--------------------------------an answer-----------------------------------------+
 *
 * Only what began after the endpoint was put aside (after the trial began) counts until then: what was in flight
 * before says nothing new. An endpoint that is aside may still be used, when too many are; then its answers count.
 */
export class PassiveHealth {
  /** In a row; a lost connect counts for several. */
  failures = 0;
  state: "in" | "aside" | "due" | "on trial" = "in";
  /** When it was put aside last, ms. */
  asideMs = 0;
  /** What began before says nothing new, ms. */
  #sinceMs = 0;
  /** While aside: until when. On trial: when the next one may be tried if nothing is heard, ms. */
  untilMs = Number.POSITIVE_INFINITY;
  /** In a row, without an answer between. */
  #ejections = 0;

  /** Nothing to forgive: an answer changes nothing. */
  get clean(): boolean {
    return this.failures === 0;
  }

  /** An answer. Returns whether it is back in. */
  succeeded(nowMs: number, latencyMs: number): boolean {
    if (this.#isOld(nowMs - latencyMs)) return false;
    const back = this.state !== "in";
    this.state = "in";
    this.failures = 0;
    this.#ejections = 0;
    this.untilMs = Number.POSITIVE_INFINITY;
    return back;
  }

  /** A failure that counts for `count`. Returns whether it put the endpoint aside. `chance` in [0, 1). */
  failed(
    count: number,
    {
      nowMs,
      latencyMs,
      policy,
      chance,
    }: {
      readonly nowMs: number;
      readonly latencyMs: number;
      readonly policy: OutlierPolicy;
      readonly chance: number;
    },
  ): boolean {
    if (this.state === "aside" || this.#isOld(nowMs - latencyMs)) return false;
    this.failures += count;
    if (this.state === "in" && this.failures < policy.consecutiveFailures) return false;
    // Back from being aside, one more failure is enough.
    this.failures = Math.max(1, policy.consecutiveFailures - 1);
    const baseMs = Math.min(policy.maxEjectionMs, policy.baseEjectionMs * 2 ** Math.min(this.#ejections, 30));
    this.#ejections++;
    this.state = "aside";
    this.asideMs = nowMs;
    this.#sinceMs = nowMs;
    this.untilMs = nowMs + baseMs * (1 + JITTER * chance);
    return true;
  }

  #isOld(beganMs: number): boolean {
    switch (this.state) {
      case "in":
        return false;
      case "aside":
        return beganMs < this.#sinceMs;
      default:
        return beganMs < this.#sinceMs - TRIAL_TOLERANCE_MS;
    }
  }

  /** Its time is over. With `trial` one request decides; without, it is in at once, and the next failure puts it aside again. */
  release(trial: boolean): void {
    this.state = trial ? "due" : "in";
    this.untilMs = Number.POSITIVE_INFINITY;
  }

  /** The one request is on its way; when nothing is heard of it for `patienceMs`, another is tried. */
  tried(nowMs: number, patienceMs: number): void {
    this.state = "on trial";
    this.#sinceMs = nowMs;
    this.untilMs = nowMs + patienceMs;
  }

  /** What is held against it does not count any more. */
  pardon(): void {
    this.state = "in";
    this.failures = 0;
    this.#ejections = 0;
    this.untilMs = Number.POSITIVE_INFINITY;
  }
}

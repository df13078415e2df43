import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Candidate, Selector, Tried } from "./candidate.ts";

/**
 * Two endpoints by chance, and of them the one that likely answers first: the lower peak-EWMA latency x (in-flight + 1) /
 * weight. Two choices keep all routers from running to the same fastest endpoint (Mitzenmacher 2001).
 */
export class Fastest implements Selector {
  readonly #clock: Clock;
  readonly #random: Random;
  #candidates: readonly Candidate[] = [];

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  update(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
  }

  choose(tried: Tried): Candidate | undefined {
    const among =
      tried.length === 0 ? this.#candidates : this.#candidates.filter((one) => !tried.includes(one.endpoint));
    if (among.length <= 1) return among[0];
    const first = this.#random.below(among.length);
    let second = this.#random.below(among.length - 1);
    if (second >= first) second++;
    const a = among[first] as Candidate;
    const b = among[second] as Candidate;
    const nowMs = this.#clock.monotonicMs();
    return scoreOf(a, nowMs) <= scoreOf(b, nowMs) ? a : b;
  }

  take(): void {
    // What comes next does not depend on it.
  }
}

/** Lower is likely faster. */
export function scoreOf({ latency, endpoint, weight }: Candidate, nowMs: number): number {
  return latency.score(endpoint.inFlight, nowMs) / weight;
}

import type { Random } from "#core/random.ts";
import type { Candidate, Selector, Tried } from "./candidate.ts";

/** Each endpoint with a probability by weight, whatever came before. */
export class AtRandom implements Selector {
  readonly #random: Random;
  #candidates: readonly Candidate[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  update(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
  }

  choose(tried: Tried): Candidate | undefined {
    const among =
      tried.length === 0 ? this.#candidates : this.#candidates.filter((one) => !tried.includes(one.endpoint));
    let total = 0;
    for (const one of among) total += one.weight;
    let left = this.#random.next() * total;
    let last: Candidate | undefined;
    for (const one of among) {
      last = one;
      left -= one.weight;
      if (left < 0) return one;
    }
    return last;
  }

  take(): void {
    // What comes next does not depend on it.
  }
}

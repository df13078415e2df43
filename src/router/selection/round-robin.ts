import type { Candidate, Selector, Tried } from "./candidate.ts";
import { FairTurns } from "./fair-turns.ts";

/** Every endpoint has its turn, by weight; exact in the sense of `FairTurns`. */
export class RoundRobin implements Selector {
  readonly #turns = new FairTurns<Candidate>();

  update(candidates: readonly Candidate[]): void {
    this.#turns.update(candidates);
  }

  choose(tried: Tried): Candidate | undefined {
    return this.#turns.choose(tried.length === 0 ? undefined : (one) => !tried.includes(one.endpoint));
  }

  take(candidate: Candidate): void {
    this.#turns.take(candidate);
  }
}

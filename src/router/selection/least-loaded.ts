import type { Candidate, Selector, Tried } from "./candidate.ts";

/** An endpoint keeps up while it has at most so many times as much in flight as the least loaded one, */
const KEEPS_UP_FACTOR = 1.5;
/** and so many more. */
const KEEPS_UP_SLACK = 4;

/**
 * The candidate with the lowest score:
 *
 *     score = in-flight / weight + penalty
 *
 * Among equal scores the turn goes by start-time fair queueing (Goyal, Vin, Cheng 1996), so that idle endpoints share a
 * sequence of single requests exactly by weight, and one that was long too expensive has no debts to collect; then by
 * who waited longest.
 *
 * `LeastRequest` has penalty 0, and all who keep up have the same score: those that have at most one and a half times as much
 * in flight as the least loaded one, and four more. So endpoints that are equally fast share exactly, also with many
 * requests at once, where "least first" only comes near it; a slower one is passed over until it has caught up. The whole list is
 * scanned rather than two random ones: in-flight counts are this router's own and always fresh, so there is no herd to
 * avoid, and the shares can be explained.
 *
 * `Cost` has penalty = path cost - cheapest path cost; with `spillAt` = spillAt x (number of cheaper path costs), so the
 * next cheaper path takes part when every endpoint on the cheaper ones has `spillAt` requests in flight.
 */
export class LeastLoaded implements Selector {
  readonly #byCost: boolean;
  readonly #spillAt: number | undefined;
  #candidates: readonly Candidate[] = [];
  #penalties: number[] = [];
  #virtual = 0;
  #picks = 0;

  constructor(options: { readonly byCost: boolean; readonly spillAt?: number | undefined }) {
    this.#byCost = options.byCost;
    this.#spillAt = options.spillAt;
  }

  update(candidates: readonly Candidate[]): void {
    // Those that leave remember it relative to 0, as those that join are read.
    for (const one of this.#candidates) one.finish = Math.max(0, one.finish - this.#virtual);
    this.#virtual = 0;
    this.#candidates = candidates;
    this.#penalties = this.#byCost ? penaltiesOf(candidates, this.#spillAt) : candidates.map(() => 0);
  }

  choose(tried: Tried): Candidate | undefined {
    const candidates = this.#candidates;
    const keepsUp = this.#byCost ? -1 : this.#keepsUp(tried);
    let best: Candidate | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    let bestStart = 0;
    for (let i = 0; i < candidates.length; i++) {
      const one = candidates[i] as Candidate;
      if (tried.length > 0 && tried.includes(one.endpoint)) continue;
      const load = one.endpoint.inFlight / one.weight;
      const score = load <= keepsUp ? 0 : load + (this.#penalties[i] as number);
      if (score > bestScore) continue;
      const start = Math.max(this.#virtual, one.finish);
      if (
        best === undefined ||
        score < bestScore ||
        start < bestStart ||
        (start === bestStart && one.lastPick < best.lastPick)
      ) {
        best = one;
        bestScore = score;
        bestStart = start;
      }
    }
    return best;
  }

  /** The load up to which an endpoint is as good as the least loaded one. */
  #keepsUp(tried: Tried): number {
    const candidates = this.#candidates;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const one = candidates[i] as Candidate;
      const load = one.endpoint.inFlight / one.weight;
      if (load < least && (tried.length === 0 || !tried.includes(one.endpoint))) least = load;
    }
    return least * KEEPS_UP_FACTOR + KEEPS_UP_SLACK;
  }

  take(candidate: Candidate): void {
    this.#virtual = Math.max(this.#virtual, candidate.finish);
    candidate.finish = this.#virtual + 1 / candidate.weight;
    candidate.lastPick = ++this.#picks;
  }
}

/** What each candidate's path adds to its score. */
export function penaltiesOf(candidates: readonly Candidate[], spillAt: number | undefined): number[] {
  const costs = [...new Set(candidates.map((one) => one.cost))].toSorted((a, b) => a - b);
  const cheapest = costs[0] ?? 0;
  return candidates.map((one) =>
    spillAt === undefined ? one.cost - cheapest : spillAt * costs.indexOf(one.cost),
  );
}

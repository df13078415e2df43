import type { ByHash } from "./by-hash.ts";
import type { Candidate, Selector, Tried, Turn } from "./candidate.ts";
import { hasherOf, selectorOf, type Chances } from "./selectors.ts";
import type { SelectionPolicy } from "./policy.ts";

/** Endpoints that are used together, before or after those of other tiers. */
export class Tier implements Turn {
  readonly index: number;
  /** Its share of the traffic, as a weight. */
  weight = 0;
  eligible = 0;
  /** Endpoints known, but for those of weight 0. */
  known = 0;
  /** Ready, reachable and of some weight: they would be used if they did not fail. */
  able: Candidate[] = [];
  /** Those that may be chosen. */
  usable: readonly Candidate[] = [];
  readonly #selector: Selector;
  readonly #hasher: ByHash | undefined;
  readonly #cheapestOnly: boolean;

  constructor(index: number, { policy, chances }: { policy: SelectionPolicy; chances: Chances }) {
    this.index = index;
    this.#selector = selectorOf(policy, chances);
    this.#hasher = hasherOf(policy);
    this.#cheapestOnly = policy.spread === "Cost";
  }

  use(usable: readonly Candidate[]): void {
    this.usable = usable;
    this.#selector.update(usable);
    this.#hasher?.update(this.#cheapestOnly ? cheapest(usable) : usable);
  }

  choose(tried: Tried): Candidate | undefined {
    return this.#selector.choose(tried);
  }

  /** Falls back to the usual way where the hash leads nowhere new. */
  chooseByHash(hash: number, tried: Tried): Candidate | undefined {
    return this.#hasher?.choose(hash, tried) ?? this.#selector.choose(tried);
  }

  take(candidate: Candidate): void {
    this.#selector.take(candidate);
  }

  /** Whether it has an endpoint that was not tried. */
  hasMore(tried: Tried): boolean {
    for (const { endpoint } of this.usable) if (!tried.includes(endpoint)) return true;
    return false;
  }
}

function cheapest(candidates: readonly Candidate[]): readonly Candidate[] {
  const least = Math.min(...candidates.map(({ cost }) => cost));
  return candidates.filter(({ cost }) => cost === least);
}

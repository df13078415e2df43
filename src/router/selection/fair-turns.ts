import type { Turn } from "./candidate.ts";

const EPSILON = 1e-9;
/** Virtual time is brought back near 0 after so many turns, so that doubles stay exact enough. */
const REBASE_TURNS = 1 << 16;

/**
 * Weighted round robin that is exact and smooth: after any number N of turns each item with weight w has had its fair
 * N * w / W turns, less than one turn more or less; with equal weights every window of N turns holds N / n of each,
 * rounded up or down.
 *
 * It is EEVDF (Stoica and Abdel-Wahab, "Earliest Eligible Virtual Deadline First", 1995) with requests of one turn:
 * item i may take its k-th turn from virtual time e_i on and should have it by e_i + 1/w_i; among those whose time has
 * come (e_i <= V) the earliest deadline goes first. V is the weighted mean of all e_i, which is where EEVDF's rules for
 * joining and leaving put it. An item that joins starts at V: it neither gets what it missed nor waits for others; one
 * that leaves and comes back within its turn does not get that turn twice.
 *
 * A pick is O(n), an update O(n).
 */
export class FairTurns<T extends Turn> {
  #items: readonly T[] = [];
  /** Of `#items`, as of the last update. */
  #weights: number[] = [];
  #virtual = 0;
  #step = 0;
  #turns = 0;

  get items(): readonly T[] {
    return this.#items;
  }

  update(items: readonly T[]): void {
    const before = new Map<T, number>();
    // Those that leave remember how far ahead they were, as those that join are read relative to V.
    const staying = new Set(items);
    for (let i = 0; i < this.#items.length; i++) {
      const item = this.#items[i] as T;
      if (staying.has(item)) before.set(item, this.#weights[i] as number);
      else item.eligible = Math.max(0, item.eligible - this.#virtual);
    }
    for (const item of items) {
      const weight = before.get(item);
      // With another weight it is as many turns ahead or behind as before.
      if (weight !== undefined) item.eligible = (item.eligible - this.#virtual) * (weight / item.weight);
      else item.eligible = Math.min(item.eligible, 1 / item.weight);
    }
    this.#items = items;
    this.#weights = items.map(({ weight }) => weight);
    this.#virtual = 0;
    this.#rebase();
  }

  /** Takes a turn among the items that `allowed` lets through; undefined when there is none. */
  next(allowed?: (item: T) => boolean): T | undefined {
    const chosen = this.choose(allowed);
    if (chosen !== undefined) this.take(chosen);
    return chosen;
  }

  /** Whose turn it is, among the items that `allowed` lets through. */
  choose(allowed?: (item: T) => boolean): T | undefined {
    const items = this.#items;
    const limit = this.#virtual + EPSILON;
    let best: T | undefined;
    let bestDeadline = Number.POSITIVE_INFINITY;
    let late: T | undefined;
    let lateDeadline = Number.POSITIVE_INFINITY;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as T;
      const deadline = item.eligible + 1 / item.weight;
      if (item.eligible <= limit) {
        if (deadline < bestDeadline - EPSILON && (allowed === undefined || allowed(item))) {
          best = item;
          bestDeadline = deadline;
        }
      } else if (
        best === undefined &&
        deadline < lateDeadline - EPSILON &&
        (allowed === undefined || allowed(item))
      ) {
        late = item;
        lateDeadline = deadline;
      }
    }
    return best ?? late;
  }

  /** Counts a turn of an item of this list. */
  take(item: T): void {
    item.eligible += 1 / item.weight;
    this.#virtual += this.#step;
    if (++this.#turns >= REBASE_TURNS) this.#rebase();
  }

  #rebase(): void {
    let total = 0;
    let sum = 0;
    for (const item of this.#items) {
      total += item.weight;
      sum += item.weight * item.eligible;
    }
    const mean = total === 0 ? 0 : sum / total;
    for (const item of this.#items) item.eligible -= mean;
    this.#virtual = 0;
    this.#step = total === 0 ? 0 : 1 / total;
    this.#turns = 0;
  }
}

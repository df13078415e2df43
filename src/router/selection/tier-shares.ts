/** Below this a difference of shares is rounding. */
const EPSILON = 1e-9;

export interface Capacity {
  /** Of each tier, 0 to 1: how much of all traffic it may take. 0 when nothing of it can be used. */
  readonly capacities: readonly number[];
  readonly nowMs: number;
}

/**
 * How much of the traffic each tier gets. Wanted is: each tier takes as much as its capacity, in order; what is left goes
 * to the next; where all capacities together are not enough, they are scaled up. What is in force follows:
 *
 * - towards a worse tier at once;
 * - back to a better one along a ramp, from nothing to everything in `rampMs`; not at all while failback is manual, until
 *   `resume`;
 * - back at once as far as the worse tier cannot carry what it has.
 *
 * Kept as sums from the best tier on (`#sums[k]` = share of the tiers 0 to k), which makes each of these rules a bound.
 */
export class TierShares {
  readonly #tiers: number;
  #rampMs: number;
  #manual: boolean;
  #sums: number[];
  #wanted: number[];
  #capacities: readonly number[];
  #atMs = 0;
  /** Nothing could be used so far: whatever can be comes at once. */
  #idle = true;
  #resuming = false;

  constructor({
    tiers,
    rampMs,
    manual,
  }: {
    readonly tiers: number;
    readonly rampMs: number;
    readonly manual: boolean;
  }) {
    this.#tiers = tiers;
    this.#rampMs = rampMs;
    this.#manual = manual;
    this.#sums = Array.from({ length: tiers }, () => 0);
    this.#wanted = [...this.#sums];
    this.#capacities = this.#sums;
  }

  /** Whether shares change by themselves with time. */
  get moving(): boolean {
    return this.#climbing && this.#sums.some((sum, k) => sum < (this.#wanted[k] as number) - EPSILON);
  }

  /** Whether a better tier waits for `resume`. */
  get waiting(): boolean {
    return !this.#climbing && this.#sums.some((sum, k) => sum < (this.#wanted[k] as number) - EPSILON);
  }

  get #climbing(): boolean {
    return !this.#manual || this.#resuming;
  }

  /** Other rules, from now on. */
  tune({
    rampMs,
    manual,
    nowMs,
  }: {
    readonly rampMs: number;
    readonly manual: boolean;
    readonly nowMs: number;
  }): void {
    this.#climb(nowMs);
    this.#rampMs = rampMs;
    this.#manual = manual;
  }

  /** Ends the hold of manual failback: the way back begins now. */
  resume(nowMs: number): void {
    this.#climb(nowMs);
    this.#resuming = true;
  }

  update({ capacities, nowMs }: Capacity): void {
    this.#climb(nowMs);
    this.#capacities = capacities;
    this.#wanted = wantedSums(capacities);
    if ((this.#wanted.at(-1) ?? 0) === 0) {
      this.#idle = true;
      this.#sums.fill(0);
      return;
    }
    if (this.#idle) {
      this.#idle = false;
      this.#sums = [...this.#wanted];
    }
    this.#bound();
  }

  /** Shares now; they add up to 1, or to 0 when nothing can be used. */
  at(nowMs: number): number[] {
    this.#climb(nowMs);
    return this.#sums.map((sum, k) => {
      const share = sum - (this.#sums[k - 1] ?? 0);
      return share < EPSILON ? 0 : share;
    });
  }

  #climb(nowMs: number): void {
    const step = this.#rampMs === 0 ? 1 : (nowMs - this.#atMs) / this.#rampMs;
    this.#atMs = nowMs;
    if (this.#idle) return;
    if (this.#climbing) {
      for (let k = 0; k < this.#tiers; k++)
        this.#sums[k] = Math.min(this.#wanted[k] as number, (this.#sums[k] as number) + step);
    }
    if (!this.#manual || this.waiting) return;
    if (this.#sums.every((sum, k) => sum >= (this.#wanted[k] as number) - EPSILON)) this.#resuming = false;
  }

  #bound(): void {
    const sums = this.#sums;
    const last = this.#tiers - 1;
    for (let k = 0; k <= last; k++) sums[k] = Math.min(sums[k] as number, this.#wanted[k] as number);
    sums[last] = this.#wanted[last] as number;
    for (let k = last; k > 0; k--) {
      const carried = (sums[k] as number) - (this.#capacities[k] as number);
      sums[k - 1] = Math.max(sums[k - 1] as number, Math.min(this.#wanted[k - 1] as number, carried));
    }
  }
}

function wantedSums(capacities: readonly number[]): number[] {
  let sum = 0;
  const sums = capacities.map((capacity) => (sum = Math.min(1, sum + capacity)));
  if (sum === 0) return sums;
  const wanted = sums.map((one) => one / sum);
  return wanted;
}

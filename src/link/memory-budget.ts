/** Someone who holds bytes for others and can let go of some. */
export interface MemoryHolder {
  /** What the largest single holding is. */
  largestBytes(): number;
  /** Lets the largest holding go. */
  shedLargest(): void;
}

/**
 * One bound for what all links of a router hold in memory for streams: written and not sent, received and not consumed.
 * Past it the largest holding goes, again and again, until the rest fits; so one greedy stream ends with OVERLOAD and the
 * process never with an out-of-memory.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  usedBytes = 0;
  /** How often something was let go. */
  sheds = 0;
  readonly #holders = new Set<MemoryHolder>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  join(holder: MemoryHolder): void {
    this.#holders.add(holder);
  }

  leave(holder: MemoryHolder): void {
    this.#holders.delete(holder);
  }

  /** Whether there is so much left that windows may grow. */
  get plenty(): boolean {
    return this.usedBytes * 2 < this.limitBytes;
  }

  get exceeded(): boolean {
    return this.usedBytes > this.limitBytes;
  }

  shed(): void {
    while (this.exceeded) {
      let largest: MemoryHolder | undefined;
      let bytes = 0;
      for (const holder of this.#holders) {
        const held = holder.largestBytes();
        if (held > bytes) {
          bytes = held;
          largest = holder;
        }
      }
      if (largest === undefined) return;
      this.sheds++;
      largest.shedLargest();
    }
  }
}

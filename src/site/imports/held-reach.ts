/** A cluster that was away counts as back when it has been there for so long, ms. */
export const HOLD_MS = 5000;

/**
 * Damps clusters that come and go, for what is seen of them in DNS: who goes away is away at once; who comes back is back when he has
 * stayed for the hold time. So a link that flaps takes a cluster's answers away once, until it is steady again; and the API gets as few
 * writes. A cluster that is there when it is first heard of is there at once. Pure: time is given.
 *
 *     unknown --there--> there --away--> away --there--> returning --hold time--> there
 *                                          ^-----------away--'
 */
export class HeldReach {
  /** May change at any time; those that wait wait by it. */
  holdMs: number;
  /** Clusters that were away: since when they are there again; undefined while they are away. */
  #since = new Map<string, number | undefined>();

  constructor(holdMs = HOLD_MS) {
    this.holdMs = holdMs;
  }

  /** Takes who is there now, of all clusters that are known. Clusters not named any more are forgotten. */
  update(reachable: ReadonlyMap<string, boolean>, nowMs: number): void {
    const before = this.#since;
    this.#since = new Map();
    for (const [cluster, isThere] of reachable) {
      if (!isThere) this.#since.set(cluster, undefined);
      else if (before.has(cluster)) {
        const sinceMs = before.get(cluster) ?? nowMs;
        if (nowMs - sinceMs < this.holdMs) this.#since.set(cluster, sinceMs);
      }
    }
  }

  /** Whether what is known of the cluster may be seen. */
  isThere(cluster: string): boolean {
    return !this.#since.has(cluster);
  }

  /** In how many ms the next one is back if it stays; undefined when none is about to be. */
  dueInMs(nowMs: number): number | undefined {
    const waiting = [...this.#since.values()].filter((sinceMs) => sinceMs !== undefined);
    return waiting.length === 0 ? undefined : Math.max(0, Math.min(...waiting) + this.holdMs - nowMs);
  }
}

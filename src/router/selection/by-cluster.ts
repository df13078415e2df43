import type { Candidate, Selector, Tried, Turn } from "./candidate.ts";
import { FairTurns } from "./fair-turns.ts";

interface Cluster extends Turn {
  readonly siteId: string;
  readonly inner: Selector;
  members: readonly Candidate[];
}

/** Every cluster has the same share, whatever its number of endpoints; inside a cluster another selector chooses. */
export class ByCluster implements Selector {
  readonly #clusters = new Map<string, Cluster>();
  readonly #turns = new FairTurns<Cluster>();
  readonly #newInner: () => Selector;

  constructor(newInner: () => Selector) {
    this.#newInner = newInner;
  }

  update(candidates: readonly Candidate[]): void {
    const bySite = Map.groupBy(candidates, (one) => one.endpoint.siteId);
    for (const [siteId, members] of bySite) {
      let cluster = this.#clusters.get(siteId);
      if (cluster === undefined) {
        cluster = { siteId, inner: this.#newInner(), members, weight: 1, eligible: 0 };
        this.#clusters.set(siteId, cluster);
      }
      cluster.members = members;
      cluster.inner.update(members);
    }
    this.#turns.update([...bySite.keys()].map((siteId) => this.#clusters.get(siteId) as Cluster));
    for (const siteId of this.#clusters.keys()) if (!bySite.has(siteId)) this.#clusters.delete(siteId);
  }

  pick(tried: Tried): Candidate | undefined {
    const cluster = this.#turns.next(
      tried.length === 0
        ? undefined
        : (one) => one.members.some((member) => !tried.includes(member.endpoint)),
    );
    return cluster?.inner.pick(tried);
  }
}

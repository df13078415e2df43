import type { Candidate, Selector, Tried, Turn } from "./candidate.ts";
import { FairTurns } from "./fair-turns.ts";

interface Cluster extends Turn {
  readonly siteId: string;
  readonly inner: Selector;
  members: readonly Candidate[];
}

/** Share of a cluster, > 0. */
export type ClusterWeight = (member: Candidate) => number;

/**
 * Clusters have equal shares, or shares by weight, whatever their number of endpoints; inside a cluster another selector
 * chooses. A cluster without endpoints is not there: its share goes to the others.
 */
export class ByCluster implements Selector {
  readonly #clusters = new Map<string, Cluster>();
  readonly #turns = new FairTurns<Cluster>();
  readonly #newInner: () => Selector;
  readonly #weightOf: ClusterWeight;

  constructor(newInner: () => Selector, weightOf: ClusterWeight) {
    this.#newInner = newInner;
    this.#weightOf = weightOf;
  }

  update(candidates: readonly Candidate[]): void {
    const bySite = Map.groupBy(candidates, (one) => one.endpoint.siteId);
    for (const [siteId, members] of bySite) {
      const weight = this.#weightOf(members[0] as Candidate);
      let cluster = this.#clusters.get(siteId);
      if (cluster === undefined) {
        cluster = { siteId, inner: this.#newInner(), members, weight, eligible: 0 };
        this.#clusters.set(siteId, cluster);
      }
      cluster.members = members;
      cluster.weight = weight;
      cluster.inner.update(members);
    }
    this.#turns.update([...bySite.keys()].map((siteId) => this.#clusters.get(siteId) as Cluster));
    for (const siteId of this.#clusters.keys()) if (!bySite.has(siteId)) this.#clusters.delete(siteId);
  }

  choose(tried: Tried): Candidate | undefined {
    const cluster = this.#turns.choose(
      tried.length === 0
        ? undefined
        : (one) => one.members.some((member) => !tried.includes(member.endpoint)),
    );
    return cluster?.inner.choose(tried);
  }

  take(candidate: Candidate): void {
    const cluster = this.#clusters.get(candidate.endpoint.siteId);
    if (cluster === undefined) return;
    this.#turns.take(cluster);
    cluster.inner.take(candidate);
  }
}

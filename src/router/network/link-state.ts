import type { RouterFacts } from "./advertisement.ts";
import type { Origin } from "./signature.ts";

/** Routers remembered in one network, and of one site. */
export const MAX_ROUTERS = 4096;
export const MAX_ROUTERS_PER_SITE = 32;

/** What is known of one router of the network. */
export interface LinkStateEntry {
  readonly key: string;
  facts: RouterFacts;
  epoch: number;
  seq: number;
  /** Who signed; undefined for this router. */
  origin: Origin | undefined;
  /** The last full advertisement and the deltas since, as they came: what a new neighbour is given. */
  messages: Uint8Array[];
  /** Set by routing: since when no path leads there, monotonic ms; undefined while one does. */
  unreachableSinceMs: number | undefined;
}

export function routerKey(site: string, router: string): string {
  return `${site}/${router}`;
}

/** The last word of every router of the network. Bounded: a full database lets go of who is away longest. */
export class LinkStateDatabase {
  readonly #entries = new Map<string, LinkStateEntry>();
  readonly #perSite = new Map<string, number>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): LinkStateEntry | undefined {
    return this.#entries.get(key);
  }

  [Symbol.iterator](): Iterator<LinkStateEntry> {
    return this.#entries.values();
  }

  /** False when there is no room for another router (of that site). */
  put(entry: LinkStateEntry): boolean {
    if (!this.#entries.has(entry.key)) {
      const { site } = entry.facts;
      const ofSite = this.#perSite.get(site) ?? 0;
      if (ofSite >= MAX_ROUTERS_PER_SITE && !this.#evict((other) => other.facts.site === site)) return false;
      if (this.#entries.size >= MAX_ROUTERS && !this.#evict(() => true)) return false;
      this.#perSite.set(site, (this.#perSite.get(site) ?? 0) + 1);
    }
    this.#entries.set(entry.key, entry);
    return true;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const { site } = entry.facts;
    const left = (this.#perSite.get(site) ?? 1) - 1;
    if (left === 0) this.#perSite.delete(site);
    else this.#perSite.set(site, left);
  }

  #evict(eligible: (entry: LinkStateEntry) => boolean): boolean {
    let oldest: LinkStateEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.unreachableSinceMs === undefined || entry.origin === undefined || !eligible(entry)) continue;
      if (entry.unreachableSinceMs < (oldest?.unreachableSinceMs ?? Number.POSITIVE_INFINITY)) oldest = entry;
    }
    if (oldest === undefined) return false;
    this.delete(oldest.key);
    return true;
  }
}

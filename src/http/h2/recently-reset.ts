const MOST = 1024;

/** Ids of streams that this end reset lately: what the peer sent before it knew is let pass (RFC 9113 section 5.4.2). */
export class RecentlyReset {
  readonly #ids = new Set<number>();

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= MOST) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }
}

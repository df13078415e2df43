/** Remembers since which generation of the configuration something is in it, so that one can tell whether a router has it. */
export class InForce {
  #since = new Map<string, number>();

  /** `contents` of the configuration of that generation. */
  update(contents: readonly string[], generation: number): void {
    const since = new Map<string, number>();
    for (const key of contents) since.set(key, this.#since.get(key) ?? generation);
    this.#since = since;
  }

  /** Whether who applied generation `applied` works by it. */
  has(key: string, applied: number): boolean {
    const since = this.#since.get(key);
    return since !== undefined && applied >= since && applied > 0;
  }
}

/** A generated world at one time: since when it is, and what was done to it by hand. */
export interface Moment {
  readonly atMs: number;
  readonly startMs: number;
  /** Ids of links that are cut, and since when. */
  readonly cut: ReadonlyMap<string, number>;
  /** Names of pods that are gone. */
  readonly down: ReadonlySet<string>;
  /** By service: requests per second on top of its own. */
  readonly load: ReadonlyMap<string, number>;
}

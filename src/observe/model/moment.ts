/** The moment that views are of. */
export interface Moment {
  readonly atMs: number;
  readonly round: number;
  /** Over how many seconds the window of a router's rows is; 0 while nothing was measured. */
  secondsOf(routerId: string): number;
}

interface Records {
  get(key: string): { windowMs(round: number): number } | undefined;
}

/** The end of a round. Each router's window is measured when it is asked for first: views ask for each row. */
export function momentOf(
  records: Records,
  { atMs, round }: { readonly atMs: number; readonly round: number },
): Moment {
  const seconds = new Map<string, number>();
  return {
    atMs,
    round,
    secondsOf: (key) => {
      let known = seconds.get(key);
      if (known === undefined) {
        known = (records.get(key)?.windowMs(round) ?? 0) / 1000;
        seconds.set(key, known);
      }
      return known;
    },
  };
}

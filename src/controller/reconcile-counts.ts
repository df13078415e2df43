/** Upper bounds of the duration buckets, s. */
export const RECONCILE_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** What a loop has done, in plain counters. Given to the next loop of that name, so that counts never go back while the process lives. */
export interface ReconcileCounts {
  succeeded: number;
  failed: number;
  /** Failures that were only write conflicts with another writer. */
  conflicts: number;
  timedOut: number;
  lastDurationMs: number;
  durationSumMs: number;
  /** Of each of RECONCILE_BOUNDS_S, and of what took longer; not cumulative. */
  readonly durations: number[];
}

export function reconcileCounts(): ReconcileCounts {
  return {
    succeeded: 0,
    failed: 0,
    conflicts: 0,
    timedOut: 0,
    lastDurationMs: 0,
    durationSumMs: 0,
    durations: Array.from({ length: RECONCILE_BOUNDS_S.length + 1 }, () => 0),
  };
}

export function countDuration(counts: ReconcileCounts, durationMs: number): void {
  const at = RECONCILE_BOUNDS_S.findIndex((bound) => durationMs <= bound * 1000);
  const bucket = at < 0 ? RECONCILE_BOUNDS_S.length : at;
  counts.durations[bucket] = (counts.durations[bucket] ?? 0) + 1;
  counts.durationSumMs += durationMs;
  counts.lastDurationMs = durationMs;
}

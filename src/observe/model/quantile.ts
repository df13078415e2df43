import { DURATION_BOUNDS_MS } from "#router/observe/observation.ts";

/**
 * The duration that `share` (0 to 1) of what was counted is not longer than, from counts per bucket of DURATION_BOUNDS_MS. Inside a
 * bucket durations are taken as spread evenly: the error is at most the width of the bucket, that is a factor of 2 (2.5 between 2
 * and 5 s, 3 above 10 s) and usually much less. What is longer than the last bound is told as the last bound. Undefined
 * when nothing was counted.
 */
export function quantileMs(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  const length = DURATION_BOUNDS_MS.length + 1;
  for (let i = 0; i < length; i++) total += counts[i] ?? 0;
  if (total === 0) return undefined;
  const wanted = share * total;
  let before = 0;
  for (let i = 0; i < DURATION_BOUNDS_MS.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0 && before + count >= wanted) {
      const from = i === 0 ? 0 : (DURATION_BOUNDS_MS[i - 1] as number);
      const to = DURATION_BOUNDS_MS[i] as number;
      return rounded(from + (to - from) * ((wanted - before) / count));
    }
    before += count;
  }
  return DURATION_BOUNDS_MS.at(-1);
}

/** To three digits: more would be made up. */
function rounded(value: number): number {
  if (value <= 0) return 0;
  const scale = 10 ** (2 - Math.floor(Math.log10(value)));
  return Math.round(value * scale) / scale;
}

import { DURATION_BOUNDS_MS, type TrafficRow } from "#router/observe/observation.ts";

/*
 * The counts of a traffic row as one array of numbers, so that differences and sums are one loop whatever is counted.
 */

export const TOTAL = 0;
export const FAILURES = 1;
export const RETRIES = 2;
export const BYTES_TO_ENDPOINT = 3;
export const BYTES_TO_CLIENT = 4;
/** HTTP answers by class, 1xx to 5xx. */
export const CODES = 5;
const CODE_CLASSES = 5;
/** One per bound of DURATION_BOUNDS_MS, and one for what is longer. */
export const DURATIONS = CODES + CODE_CLASSES;
export const DURATION_BUCKETS = DURATION_BOUNDS_MS.length + 1;
export const COUNTS = DURATIONS + DURATION_BUCKETS;

export type Counts = Float64Array;

export function noCounts(): Counts {
  return new Float64Array(COUNTS);
}

/** Writes a row's counts into `into`. What is no number counts nothing: another version's router may leave fields out. */
export function readCounts(row: TrafficRow, into: Counts): void {
  into[TOTAL] = whole(row.total);
  into[FAILURES] = whole(row.failures);
  into[RETRIES] = whole(row.retries);
  into[BYTES_TO_ENDPOINT] = whole(row.bytesToEndpoint);
  into[BYTES_TO_CLIENT] = whole(row.bytesToClient);
  for (let i = 0; i < CODE_CLASSES; i++) into[CODES + i] = whole(row.codes?.[i]);
  for (let i = 0; i < DURATION_BUCKETS; i++) into[DURATIONS + i] = whole(row.durations?.[i]);
}

export function addCounts(to: Counts, counts: Counts): void {
  for (let i = 0; i < COUNTS; i++) to[i] = (to[i] as number) + (counts[i] as number);
}

/**
 * Work that went wrong. A 5xx that the router made itself is counted both as an answer and as a failure, so the larger one is
 * taken: exact unless, in one second at one endpoint, answers of 5xx and broken connections come together.
 */
export function badOf(counts: Counts): number {
  return Math.max(counts[FAILURES] as number, counts[CODES + 4] as number);
}

export function bytesOf(counts: Counts): number {
  return (counts[BYTES_TO_ENDPOINT] as number) + (counts[BYTES_TO_CLIENT] as number);
}

function whole(value: number | undefined): number {
  return typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER ? Math.trunc(value) : 0;
}

import { DURATION_BUCKETS } from "../collect/counts.ts";
import { SUM_BAD, SUM_BYTES, SUM_DURATIONS, SUM_TOTAL, type Row } from "../collect/traffic.ts";
import type { Load } from "../views.ts";
import type { Moment } from "./moment.ts";
import { quantileMs } from "./quantile.ts";

/** Adds up rows of the rate window. */
export class LoadSum {
  total = 0;
  #bad = 0;
  #rps = 0;
  #bytesPerSecond = 0;
  #active = 0;
  readonly #durations = new Float64Array(DURATION_BUCKETS);

  /** Returns what the row had in the window. */
  add(row: Row, moment: Moment): number {
    this.#active += row.active;
    const sums = row.window?.advance(moment.round).sums;
    if (sums === undefined) return 0;
    const seconds = moment.secondsOf(row.routerId);
    if (seconds <= 0) return 0;
    const total = sums[SUM_TOTAL] as number;
    this.total += total;
    this.#bad += sums[SUM_BAD] as number;
    this.#rps += total / seconds;
    this.#bytesPerSecond += (sums[SUM_BYTES] as number) / seconds;
    for (let i = 0; i < DURATION_BUCKETS; i++)
      this.#durations[i] = (this.#durations[i] as number) + (sums[SUM_DURATIONS + i] as number);
    return total;
  }

  load(): Load {
    // Filled in place: there is one for each service, pod and client in each round.
    const load: { -readonly [K in keyof Load]: Load[K] } = {
      rps: cents(this.#rps),
      bytesPerSecond: Math.round(this.#bytesPerSecond),
      active: this.#active,
    };
    if (this.total === 0) return load;
    const success = successPercent(this.total, this.#bad);
    if (success !== undefined) load.successPercent = success;
    const p50Ms = quantileMs(this.#durations, 0.5);
    if (p50Ms === undefined) return load;
    load.p50Ms = p50Ms;
    load.p95Ms = quantileMs(this.#durations, 0.95) ?? p50Ms;
    load.p99Ms = quantileMs(this.#durations, 0.99) ?? p50Ms;
    return load;
  }
}

/** 100 only when nothing failed; undefined when there was nothing. */
export function successPercent(total: number, bad: number): number | undefined {
  if (total <= 0 && bad <= 0) return undefined;
  const good = Math.max(0, total - bad);
  return Math.floor((good / Math.max(total, bad)) * 10_000) / 100;
}

/** To two decimals. */
export function cents(value: number): number {
  return Math.round(value * 100) / 100;
}

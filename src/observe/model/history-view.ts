import { addCounts, DURATION_BUCKETS, DURATIONS } from "../collect/counts.ts";
import type { PortBucket, Series } from "../collect/traffic.ts";
import { noHistory, type HistoryEntry } from "../store/history-codec.ts";
import type { ActivityItem, HistoryView } from "../views.ts";
import { cents } from "./load.ts";
import { quantileMs } from "./quantile.ts";

/** Entries are of ten seconds: no step is shorter. */
export const MIN_STEP_MS = 10_000;
const MAX_STEPS = 1000;
const DEFAULT_STEPS = 120;
const MAX_PODS = 20;
export const OTHERS = "others";

/** What is asked for, and the steps that answer it. */
export interface HistorySpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly steps: number;
}

/** Whole steps of whole entries; a step that is absent or would give too many is chosen. */
export function spanOf(asked: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs?: number | undefined;
  /** What is older is kept in minutes. */
  readonly fineFromMs: number;
}): HistorySpan {
  const { fromMs, toMs, stepMs, fineFromMs } = asked;
  const length = Math.max(MIN_STEP_MS, toMs - fromMs);
  const least = fromMs < fineFromMs ? 6 * MIN_STEP_MS : MIN_STEP_MS;
  const wanted = Math.max(stepMs ?? length / DEFAULT_STEPS, length / MAX_STEPS, least);
  const step = Math.ceil(wanted / least) * least;
  const from = Math.floor(fromMs / step) * step;
  return { fromMs: from, toMs, stepMs: step, steps: Math.max(1, Math.ceil((toMs - from) / step)) };
}

type PodFacts = Pick<Series, "name" | "site" | "endpoint">;

/** Collects entries and observed time by step. */
export class HistorySteps {
  readonly span: HistorySpan;
  readonly #entries: (HistoryEntry | undefined)[];
  readonly #covered: Float64Array;
  /** What is not stored yet. */
  readonly #open: { readonly index: number; readonly bucket: Pick<PortBucket, "counts" | "pods"> }[] = [];

  constructor(span: HistorySpan) {
    this.span = span;
    this.#entries = Array.from({ length: span.steps }, () => undefined);
    this.#covered = new Float64Array(span.steps);
  }

  /** The entry of the step that a time is in; undefined outside. */
  at(atMs: number): HistoryEntry | undefined {
    const index = this.#index(atMs);
    if (index === undefined) return undefined;
    const entry = this.#entries[index] ?? noHistory();
    this.#entries[index] = entry;
    return entry;
  }

  /** Adds what is not stored yet. */
  add(atMs: number, bucket: Pick<PortBucket, "counts" | "pods">): void {
    const index = this.#index(atMs);
    const entry = this.at(atMs);
    if (index === undefined || entry === undefined) return;
    addCounts(entry.counts, bucket.counts);
    this.#open.push({ index, bucket });
  }

  cover(atMs: number, ms: number): void {
    const index = this.#index(atMs);
    if (index !== undefined) this.#covered[index] = (this.#covered[index] as number) + ms;
  }

  view(input: {
    readonly service: string;
    readonly nowMs: number;
    readonly seriesOf: (id: number) => PodFacts | undefined;
    readonly events: readonly ActivityItem[];
    readonly gaps: HistoryView["gaps"];
  }): HistoryView {
    const { fromMs, stepMs, steps } = this.span;
    const indexes = Array.from({ length: steps }, (_, index) => index);
    const seconds = indexes.map((index) => this.#seconds(index, input.nowMs));
    const { pods, bad } = this.#podTotals(input.seriesOf);
    const each = (value: (index: number, seconds: number) => number | null): (number | null)[] =>
      seconds.map((covered, index) => (covered === null ? null : value(index, covered)));
    const quantile = (share: number): (number | null)[] =>
      each((index) => {
        const counts = this.#entries[index]?.counts.subarray(DURATIONS, DURATIONS + DURATION_BUCKETS);
        return counts === undefined ? null : (quantileMs(counts, share) ?? null);
      });
    return {
      service: input.service,
      stepMs,
      timesMs: indexes.map((index) => fromMs + index * stepMs),
      pods: pods.map(({ name, site, totals }) => ({
        name,
        site,
        rps: each((index, covered) => cents((totals[index] as number) / covered)),
      })),
      errors: each((index, covered) => cents((bad[index] as number) / covered)),
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
      events: input.events,
      gaps: input.gaps,
    };
  }

  /** How much of a step was observed, s; null when it was less than half of what has passed of it: then it is a gap. */
  #seconds(index: number, nowMs: number): number | null {
    const { fromMs, stepMs } = this.span;
    const passed = Math.min(stepMs, nowMs - (fromMs + index * stepMs));
    const covered = this.#covered[index] as number;
    return covered > 0 && covered >= passed / 2 ? covered / 1000 : null;
  }

  /** By site and name, the busiest MAX_PODS and the rest as one; and what went wrong. */
  #podTotals(seriesOf: (id: number) => PodFacts | undefined): { pods: PodTotals[]; bad: Float64Array } {
    const { steps } = this.span;
    const bad = new Float64Array(steps);
    const pods = new Map<string, PodTotals>();
    const add = (
      index: number,
      counted: { total: number; bad: number },
      facts: PodFacts | undefined,
    ): void => {
      bad[index] = (bad[index] as number) + counted.bad;
      if (facts === undefined || facts.endpoint === "") return;
      const { name, site } = facts;
      const key = `${site} ${name}`;
      let pod = pods.get(key);
      if (pod === undefined) {
        pod = { name, site, totals: new Float64Array(steps), sum: 0 };
        pods.set(key, pod);
      }
      pod.totals[index] = (pod.totals[index] as number) + counted.total;
      pod.sum += counted.total;
    };
    for (const [index, entry] of this.#entries.entries())
      for (const [id, counted] of entry?.pods ?? []) add(index, counted, seriesOf(id));
    for (const { index, bucket } of this.#open)
      for (const [series, counted] of bucket.pods) add(index, counted, series);
    return { pods: withOthers([...pods.values()], steps), bad };
  }

  #index(atMs: number): number | undefined {
    const index = Math.floor((atMs - this.span.fromMs) / this.span.stepMs);
    return index >= 0 && index < this.span.steps ? index : undefined;
  }
}

interface PodTotals {
  readonly name: string;
  readonly site: string;
  readonly totals: Float64Array;
  sum: number;
}

function withOthers(pods: readonly PodTotals[], steps: number): PodTotals[] {
  const sorted = pods.toSorted((a, b) => b.sum - a.sum);
  const shown = sorted
    .slice(0, MAX_PODS)
    .toSorted((a, b) => compare(a.site, b.site) || compare(a.name, b.name));
  if (sorted.length <= MAX_PODS) return shown;
  const totals = new Float64Array(steps);
  for (const pod of sorted.slice(MAX_PODS))
    for (const [index, total] of pod.totals.entries()) totals[index] = (totals[index] as number) + total;
  return [...shown, { name: OTHERS, site: "", totals, sum: 0 }];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import type { HistoryView } from "#observe/views.ts";

export type Column = (number | null)[];

export interface StackedSeries {
  readonly name: string;
  readonly site: string;
  /** Of this series alone. */
  readonly values: Column;
  /** Of this one and all below it. */
  readonly top: Column;
}

/** Pods stacked on each other, those of a site together, so that its share is seen as one area. Where nothing was observed all are null. */
export function stackPods(history: HistoryView): StackedSeries[] {
  const pods = history.pods.toSorted(
    (a, b) =>
      Number(a.name === "others") - Number(b.name === "others") ||
      order(a.site, b.site) ||
      order(a.name, b.name),
  );
  let below: Column = history.timesMs.map(() => 0);
  return pods.map(({ name, site, rps }) => {
    const top = rps.map((value, index) => (value === null ? null : value + (below[index] ?? 0)));
    below = top.map((value) => value ?? 0);
    return { name, site, values: [...rps], top };
  });
}

export interface TimeRange {
  readonly name: string;
  readonly label: string;
  readonly ms: number;
  readonly stepMs: number;
}

/** A step is a few pixels wide, and no finer than what is kept. */
export const RANGES: readonly TimeRange[] = [
  { name: "5m", label: "5 min", ms: 300_000, stepMs: 2000 },
  { name: "15m", label: "15 min", ms: 900_000, stepMs: 5000 },
  { name: "1h", label: "1 h", ms: 3_600_000, stepMs: 20_000 },
  { name: "6h", label: "6 h", ms: 21_600_000, stepMs: 120_000 },
  { name: "24h", label: "24 h", ms: 86_400_000, stepMs: 600_000 },
  { name: "7d", label: "7 d", ms: 604_800_000, stepMs: 3_600_000 },
];

export function rangeOf(name: string | undefined): TimeRange {
  const chosen = RANGES.find((range) => range.name === name) ?? RANGES[0];
  if (chosen === undefined) throw new Error("There are no ranges");
  return chosen;
}

/** Values at a step; at the last one that is known when none is chosen. */
export function valuesAt(columns: readonly Column[], index: number | undefined): (number | null)[] {
  const at = index ?? lastKnown(columns);
  return columns.map((column) => column[at] ?? null);
}

function lastKnown(columns: readonly Column[]): number {
  const length = columns[0]?.length ?? 0;
  for (let at = length - 1; at >= 0; at--) {
    if (columns.some((column) => (column[at] ?? null) !== null)) return at;
  }
  return length - 1;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

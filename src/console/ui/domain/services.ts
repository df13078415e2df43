import type { ServiceRow, ServicesUpdate } from "#observe/views.ts";

/** Choices of the table of services, as they stand in the URL. */
export interface ServiceChoices {
  readonly q?: string;
  readonly state?: string;
  readonly site?: string;
  /** Column, with "-" before it for the largest first. */
  readonly sort?: string;
}

export type SortColumn = "name" | "pods" | "rps" | "success" | "p50" | "p95" | "p99" | "bytes" | "drift";

const VALUES: Readonly<Record<SortColumn, (row: ServiceRow) => number | string | undefined>> = {
  name: (row) => row.service,
  pods: (row) => row.podsReady,
  rps: (row) => row.load.rps,
  success: (row) => row.load.successPercent,
  p50: (row) => row.load.p50Ms,
  p95: (row) => row.load.p95Ms,
  p99: (row) => row.load.p99Ms,
  bytes: (row) => row.load.bytesPerSecond,
  drift: (row) => drift(row.shares),
};

/** Points by which the share of a site is off what the policy wants, at most; 0 without traffic. */
export function drift(shares: ServiceRow["shares"]): number {
  return shares.reduce(
    (most, { percent, wantedPercent = percent }) => Math.max(most, Math.abs(percent - wantedPercent)),
    0,
  );
}

export function applyUpdate(
  rows: ReadonlyMap<string, ServiceRow>,
  update: ServicesUpdate,
): ReadonlyMap<string, ServiceRow> {
  const next = new Map(rows);
  for (const key of update.removed) next.delete(key);
  for (const row of update.changed) next.set(row.service, row);
  return next;
}

export function filterServices(rows: Iterable<ServiceRow>, choices: ServiceChoices): ServiceRow[] {
  const words = (choices.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const found: ServiceRow[] = [];
  for (const row of rows) {
    if (choices.state !== undefined && row.state !== choices.state) continue;
    if (choices.site !== undefined && !row.sites.includes(choices.site)) continue;
    const text = `${row.service} ${row.protocol}`.toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(row);
  }
  return found;
}

/** What has no value comes last in either direction; what is equal stands by name. */
export function sortServices(rows: readonly ServiceRow[], sort = "name"): ServiceRow[] {
  const down = sort.startsWith("-");
  const column = sort.replace("-", "");
  const value = column in VALUES ? VALUES[column as SortColumn] : VALUES.name;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === y) return compare(a.service, b.service);
    if (x === undefined) return 1;
    if (y === undefined) return -1;
    return down ? compare(y, x) : compare(x, y);
  });
}

/** Clicking a heading: numbers begin with the largest, names with the first; then the other way, then back to the default. */
export function nextSort(current: string | undefined, column: SortColumn): string | undefined {
  const [first, second] = column === "name" ? ["name", "-name"] : [`-${column}`, column];
  if ((current ?? "name") === first) return second;
  return current === second || first === "name" ? undefined : first;
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import {
  type Load,
  type PodRow,
  RATE_WINDOW_MS,
  type ServiceRow,
  type ServicesView,
} from "#observe/views.ts";
import { bytesText, msText, percentText, rateText, timeText } from "../output/figures.ts";
import { type Column, fitTable } from "../output/fit-table.ts";
import type { Style } from "../output/style.ts";
import type { Sort } from "./sorts.ts";

export interface TopTextOptions {
  readonly style: Style;
  readonly sort: Sort;
  /** Columns of the terminal; without end in a pipe. */
  readonly width: number;
}

/** A pod of a service, as `top pods` lists it. */
export interface ServicePod extends PodRow {
  readonly service: string;
  readonly port: number;
}

/** `isthmus top pods -o json` */
export interface PodsView {
  readonly atMs: number;
  readonly pods: readonly ServicePod[];
  /** Services whose pods are not among them: the least busy. */
  readonly servicesLeftOut: number;
}

/** The services, the busiest first. */
export function servicesText(view: ServicesView, options: TopTextOptions): string {
  const { style, sort, width } = options;
  const rows = sorted(view.services, { sort, nameOf: ({ service }) => service });
  if (rows.length === 0) return headText(view.atMs, "no services yet", style);
  const columns: Column<ServiceRow>[] = [
    { title: "SERVICE", cell: ({ service }) => service },
    { title: "STATE", cell: (row) => stateText(row, style), least: 8, goes: 3 },
    { title: "PODS", cell: (row) => podsText(row, style), right: true },
    ...loadColumns(style, ({ load }: ServiceRow) => load),
    { title: "PROTOCOL", cell: ({ protocol }) => protocol, goes: 7 },
    { title: "SHARES", cell: sharesText, goes: 9 },
  ];
  const count = `${rows.length} ${rows.length === 1 ? "service" : "services"}${WINDOW}`;
  return headText(view.atMs, count, style) + fitTable(columns, rows, width);
}

/** The pods of one or of all services. */
export function podsViewText(view: PodsView, options: TopTextOptions): string {
  const { style, sort, width } = options;
  const rows = sorted(view.pods, { sort, nameOf: ({ service, name }) => `${service} ${name}` });
  if (rows.length === 0) return headText(view.atMs, "no pods yet", style);
  const columns: Column<ServicePod>[] = [
    { title: "SERVICE", cell: ({ service, port }) => `${service}:${port}`, goes: 6 },
    { title: "POD", cell: ({ name }) => name },
    { title: "SITE", cell: ({ site }) => site, goes: 2 },
    { title: "READY", cell: ({ ready }) => (ready ? style.good("yes") : style.bad("no")), goes: 7 },
    ...loadColumns(style, ({ load }: ServicePod) => load),
    { title: "SHARE", cell: ({ sharePercent }) => percentText(sharePercent), right: true, least: 6, goes: 4 },
    {
      title: "WANTED",
      cell: ({ wantedPercent }) => percentText(wantedPercent),
      right: true,
      least: 6,
      goes: 8,
    },
    { title: "TOTAL", cell: ({ total }) => String(total), right: true, goes: 9 },
  ];
  const { servicesLeftOut } = view;
  const without =
    servicesLeftOut === 0 ? "" : `; without those of the ${servicesLeftOut} least busy services`;
  const count = `${rows.length} ${rows.length === 1 ? "pod" : "pods"}${WINDOW}${without}`;
  return headText(view.atMs, count, style) + fitTable(columns, rows, width);
}

const WINDOW = `, of the last ${RATE_WINDOW_MS / 1000} s`;

function headText(atMs: number, count: string, style: Style): string {
  return `${style.dim(`${timeText(atMs).slice(0, 8)}  ${count}`)}\n`;
}

function loadColumns<T>(style: Style, loadOf: (row: T) => Load): Column<T>[] {
  const cell =
    (text: (load: Load) => string): ((row: T) => string) =>
    (row) =>
      text(loadOf(row));
  return [
    { title: "RPS", cell: cell(({ rps }) => rateText(rps)), right: true, least: 5 },
    { title: "SUCCESS", cell: cell(({ successPercent }) => successText(successPercent, style)), right: true },
    { title: "P50", cell: cell(({ p50Ms }) => msText(p50Ms)), right: true, least: 6, goes: 5 },
    { title: "P95", cell: cell(({ p95Ms }) => msText(p95Ms)), right: true, least: 6, goes: 6 },
    { title: "P99", cell: cell(({ p99Ms }) => msText(p99Ms)), right: true, least: 6, goes: 1 },
    { title: "BYTES/S", cell: cell(({ bytesPerSecond }) => bytesText(bytesPerSecond)), right: true, goes: 8 },
    { title: "ACTIVE", cell: cell(({ active }) => String(active)), right: true, goes: 8 },
  ];
}

function successText(percent: number | undefined, style: Style): string {
  const text = percentText(percent);
  if (percent === undefined || percent >= 100) return text;
  return percent < 95 ? style.bad(text) : style.warn(text);
}

function stateText({ state }: ServiceRow, style: Style): string {
  switch (state) {
    case "ok":
      return style.good(state);
    case "down":
      return style.bad(state);
    case "failover":
      return style.warn(state);
    default:
      return style.dim(state);
  }
}

function podsText({ podsReady, pods }: ServiceRow, style: Style): string {
  const text = `${podsReady}/${pods}`;
  return podsReady === 0 ? style.bad(text) : podsReady < pods ? style.warn(text) : text;
}

/** `c1 50%, c2 50%` */
function sharesText({ shares, load }: ServiceRow): string {
  if (load.rps === 0) return "-";
  return shares.map(({ site, percent }) => `${site} ${Math.round(percent)}%`).join(", ") || "-";
}

/** What is asked for first: most, or worst; by name where that is equal. */
function sorted<T extends { readonly load: Load }>(
  rows: readonly T[],
  { sort, nameOf }: { readonly sort: Sort; readonly nameOf: (row: T) => string },
): T[] {
  return rows.toSorted((a, b) => KEYS[sort](b.load) - KEYS[sort](a.load) || compare(nameOf(a), nameOf(b)));
}

const KEYS: Readonly<Record<Sort, (load: Load) => number>> = {
  rps: ({ rps }) => rps,
  name: () => 0,
  success: ({ successPercent = 101 }) => -successPercent,
  p99: ({ p99Ms = -1 }) => p99Ms,
  bytes: ({ bytesPerSecond }) => bytesPerSecond,
};

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

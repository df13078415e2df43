import type { Style } from "../output/style.ts";
import { padEnd, padStart } from "../output/table.ts";
import { percent } from "./expectation.ts";
import type { Column, ScenarioResult } from "./measure.ts";

/** One entry of `isthmus demo -o json`. */
export interface JsonScenario {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly pods: readonly { readonly cluster: string; readonly pod: string; readonly requests: number }[];
  readonly expected: string;
  readonly ok: boolean;
}

/** The result for programs: the run of the 5 clients; `ok` also covers that of the single one. */
export function jsonScenario(result: ScenarioResult): JsonScenario {
  const [many] = result.columns;
  const { load, pods, expectation } = many;
  return {
    name: result.scenario.name,
    requests: load.requests,
    failed: load.failed,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    pods: pods.map(({ cluster, pod, requests }) => ({ cluster, pod, requests })),
    expected: expectation.text,
    ok: isOk(result),
  };
}

export function isOk(result: ScenarioResult): boolean {
  return result.columns.every((column) => column.deviations.length === 0);
}

/** The table of a scenario: requests per pod in both runs, then how well they were served. */
export function scenarioTable(result: ScenarioResult, style: Style): string {
  const [many, one] = result.columns;
  const pods = [...many.pods, ...one.pods.filter(({ pod }) => !many.pods.some((known) => known.pod === pod))];
  const rows: string[][] = [
    ["CLUSTER", "POD", ...result.columns.map((column) => column.title.toUpperCase())],
    ...pods.map(({ cluster, pod }) => [
      cluster,
      pod,
      ...result.columns.map((column) => countOf(column, pod)),
    ]),
    ["", "failed", ...result.columns.map(({ load }) => String(load.failed))],
    ["", "availability", ...result.columns.map(({ load }) => availability(load))],
    [
      "",
      "p50 / p99",
      ...result.columns.map(({ load }) => `${load.p50Ms.toFixed(1)} / ${load.p99Ms.toFixed(1)} ms`),
    ],
    ["", "requests/s", ...result.columns.map(({ load }) => load.perSecond.toFixed(0))],
  ];
  return rows
    .map((row, index) => (index === 0 ? style.dim(layOut(row, rows)) : layOut(row, rows)))
    .join("\n");
}

/** A line for each run: what was promised, and what is not so. */
export function verdictLines(result: ScenarioResult, style: Style): string[] {
  return result.columns.flatMap((column) => {
    const { title, expectation, deviations } = column;
    const promise = `${title}: expected ${expectation.text}`;
    if (deviations.length === 0) return [`${style.good("✓")} ${promise}`];
    return [`${style.bad("✗")} ${promise}`, ...deviations.map((text) => `  ${style.bad(text)}`)];
  });
}

function layOut(row: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = row.map((_, index) => Math.max(...rows.map((other) => other[index]?.length ?? 0)));
  return row
    .map((cell, index) => padEnd(cell, (widths[index] ?? 0) + GAP))
    .join("")
    .trimEnd();
}

const GAP = 3;

function countOf(column: Column, pod: string): string {
  const requests = column.pods.find((one) => one.pod === pod)?.requests ?? 0;
  const share = column.load.requests === 0 ? 0 : requests / column.load.requests;
  return `${padStart(String(requests), 4)}  ${padStart(percent(share), 7)}`;
}

function availability(load: { readonly requests: number; readonly failed: number }): string {
  const share = load.requests === 0 ? 0 : 1 - load.failed / load.requests;
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

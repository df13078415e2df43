import { type HttpComparison, type HttpFigure, httpMedianOf, type HttpRun } from "./http-measure.ts";
import { round } from "./stats.ts";
import { cell } from "./table.ts";

const TITLES: Readonly<Record<HttpComparison, string>> = {
  oneHop: "one HTTP/1.1 hop, 1 KiB bodies",
  twoHop: "two hops over mutual TLS, HTTP/1.1, 1 KiB bodies",
  http2: "one hop, small HTTP/2 requests, 10 connections with 10 streams each",
};

const BARS: Readonly<Record<HttpComparison, string>> = {
  oneHop: "<= 1.10",
  twoHop: "<= 0.60",
  http2: "<= 1.0",
};

const ROWS: readonly (readonly [label: string, figure: HttpFigure])[] = [
  ["CPU us/request", "cpuUsPerRequest"],
  ["requests/s", "requestsPerSecond"],
  ["p50 ms", "p50Ms"],
  ["p99 ms", "p99Ms"],
  ["CPU us/request, 500", "cpuUsPerRequest500"],
  ["requests/s, 500", "requestsPerSecond500"],
  ["open loop requests/s", "openLoopPerSecond"],
  ["open loop p50 ms", "openLoopP50Ms"],
  ["open loop p99 ms", "openLoopP99Ms"],
  ["errors", "errors"],
  ["RSS MiB", "rssMiB"],
];

/** A table for each comparison: medians, ratios of ours to HAProxy's, bars. */
export function httpReport(runs: readonly HttpRun[]): string {
  const comparisons = [...new Set(runs.map(({ comparison }) => comparison))];
  return comparisons.map((comparison) => tableOf(runs, comparison)).join("\n");
}

function tableOf(all: readonly HttpRun[], comparison: HttpComparison): string {
  const runs = all.filter((run) => run.comparison === comparison);
  const planes = [...new Set(runs.map(({ plane }) => plane))];
  const lines = [`${TITLES[comparison]}, medians of ${runs.length / planes.length} rounds`, ""];
  lines.push(["", ...planes, "ratio", "bar"].map(cell).join(""));
  for (const [label, figure] of ROWS) {
    const of = (plane: string): number => httpMedianOf(runs, { comparison, plane }, figure);
    const figures = planes.map((plane) => round(of(plane)));
    if (figures.every(Number.isNaN)) continue;
    const ratio = of("isthmus") / of("haproxy");
    const bar = figure.startsWith("cpu") ? BARS[comparison] : "";
    const shown = [label, ...figures.map(String), Number.isFinite(ratio) ? ratio.toFixed(2) : "", bar];
    lines.push(shown.map(cell).join(""));
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/**
 * `npm run bench -- [link|tcp|http|memory|http-idle|scale-up|dns|observe] [--rounds 3] [--seconds 5] [-o json]`: our data plane beside
 * HAProxy's, in one run, interleaved; `link --floor` has the runtime's bare sockets as a third. Machines are noisy: read the ratios. `http` takes names of comparisons too
 * (`http oneHop twoHop http2`). The others are ours alone: `memory` is what streams cost, `http-idle` what idle
 * keep-alive connections cost, `scale-up` how soon a new pod is used from another cluster, `observe` what it costs to record flows.
 */
import { parseArgs } from "node:util";
import { SilentExit } from "#cli/report-error.ts";
import { medianOf, ratiosOf, type Run } from "./lib/measure.ts";
import { dnsReport, hasDnsperf, measureDns } from "./dns.ts";
import { httpIdleReport, measureHttpIdle } from "./http-idle.ts";
import { httpRatiosOf, isHttpComparison } from "./lib/http-measure.ts";
import { compareHttp } from "./lib/http-planes.ts";
import { httpReport } from "./lib/http-report.ts";
import { round } from "./lib/stats.ts";
import { cell } from "./lib/table.ts";
import { measureMemory } from "./memory.ts";
import { measureScaleUps, scaleUpReport } from "./scale-up.ts";
import { measureObservation, observeReport } from "./observe.ts";
import { comparePlanes, type Comparison } from "./lib/planes.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: "string", short: "o", default: "table" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    floor: { type: "boolean", default: false },
  },
});
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
const what = positionals[0] ?? "link";
if (what === "memory") {
  const figures = await measureMemory(progress);
  process.stdout.write(`${JSON.stringify(figures, null, values.output === "json" ? 0 : 2)}\n`);
  process.exit(figures.failed === 0 ? 0 : 1);
}
if (what === "http-idle") {
  const figures = await measureHttpIdle(progress);
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : httpIdleReport(figures));
  process.exit(figures.ok ? 0 : 1);
}
if (what === "scale-up") {
  const figures = await measureScaleUps(progress).catch((error: unknown) => {
    if (error instanceof SilentExit) process.exit(error.exitCode);
    throw error;
  });
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : scaleUpReport(figures));
  process.exit(figures.ok ? 0 : 1);
}
if (what === "dns" && !hasDnsperf()) {
  progress("dnsperf is not installed: apt-get install dnsperf nsd knot bind9");
  process.exit(1);
}
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), progress };
if (what === "http") {
  const only = positionals.slice(1).filter(isHttpComparison);
  if (only.length < positionals.length - 1) {
    progress("Unknown comparison: expected oneHop, twoHop or http2");
    process.exit(2);
  }
  const all = await compareHttp(only.length === 0 ? options : { ...options, only });
  const figures = { runs: all, ratios: httpRatiosOf(all) };
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : httpReport(all));
  process.exit(0);
}
if (what === "observe") {
  const figures = await measureObservation(options);
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : observeReport(figures));
  process.exit(figures.ok ? 0 : 1);
}
if (what === "dns") {
  const figures = await measureDns(options);
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : dnsReport(figures));
  process.exit(0);
}
if (what !== "link" && what !== "tcp") {
  progress(`Unknown bench "${what}": expected link, tcp, http, memory, http-idle, scale-up, dns or observe`);
  process.exit(2);
}
const runs = await comparePlanes(what, { ...options, floor: values.floor });
const ratios = ratiosOf(runs, "isthmus", "haproxy");
process.stdout.write(values.output === "json" ? `${JSON.stringify({ runs, ratios })}\n` : report(what, runs));

function report(comparison: Comparison, all: readonly Run[]): string {
  const rows: readonly (readonly [label: string, figure: keyof Omit<Run, "plane" | "round">, bar: string])[] =
    [
      ["CPU us/request", "cpuUsPerRequest", "<= 0.50"],
      ["requests/s", "requestsPerSecond", ""],
      ["p50 ms", "p50Ms", ""],
      ["p99 ms", "p99Ms", ""],
      ["bulk CPU s/GB", "bulkCpuSecondsPerGB", "<= 0.80"],
      ["bulk MB/s", "bulkMBPerSecond", ">= 1.3"],
      ["new connections/s", "newConnectionsPerSecond", ">= 10"],
      ["errors", "errors", ""],
      ["RSS MiB", "rssMiB", ""],
    ];
  const planes = [...new Set(all.map((run) => run.plane))];
  const title = comparison === "link" ? "two hops over mutual TLS" : "one plain TCP hop";
  const lines = [`${title}, medians of ${all.length / planes.length} rounds`, ""];
  lines.push(
    ["", ...planes, planes.length > 1 ? "ratio" : "", comparison === "link" ? "bar" : ""].map(cell).join(""),
  );
  for (const [label, figure, bar] of rows) {
    const figures = planes.map((plane) => round(medianOf(all, plane, figure)));
    const [ours = Number.NaN, theirs = Number.NaN] = figures;
    const ratio = Number.isFinite(ours / theirs) ? (ours / theirs).toFixed(2) : "";
    lines.push([label, ...figures.map(String), ratio, comparison === "link" ? bar : ""].map(cell).join(""));
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

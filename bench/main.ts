/**
 * `npm run bench -- [link|tcp|memory|scale-up] [--rounds 3] [--seconds 5] [-o json]`: our data plane beside HAProxy's, in one
 * run, interleaved. Machines are noisy: read the ratios. `memory` is ours alone: what streams cost; so is
 * `scale-up`: how soon a new pod is used from another cluster.
 */
import { parseArgs } from "node:util";
import { SilentExit } from "#cli/report-error.ts";
import { medianOf, ratiosOf, type Run } from "./lib/measure.ts";
import { measureMemory } from "./memory.ts";
import { measureScaleUps, scaleUpReport } from "./scale-up.ts";
import { comparePlanes, type Comparison } from "./lib/planes.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: "string", short: "o", default: "table" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
  },
});
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
const what = positionals[0] ?? "link";
if (what === "memory") {
  const figures = await measureMemory(progress);
  process.stdout.write(`${JSON.stringify(figures, null, values.output === "json" ? 0 : 2)}\n`);
  process.exit(figures.failed === 0 ? 0 : 1);
}
if (what === "scale-up") {
  const figures = await measureScaleUps(progress).catch((error: unknown) => {
    if (error instanceof SilentExit) process.exit(error.exitCode);
    throw error;
  });
  process.stdout.write(values.output === "json" ? `${JSON.stringify(figures)}\n` : scaleUpReport(figures));
  process.exit(figures.ok ? 0 : 1);
}
if (what !== "link" && what !== "tcp") {
  progress(`Unknown bench "${what}": expected link, tcp, memory or scale-up`);
  process.exit(2);
}
const runs = await comparePlanes(what, {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  progress,
});
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
    const figures = planes.map((plane) => medianOf(all, plane, figure));
    const [ours = Number.NaN, theirs = Number.NaN] = figures;
    const ratio = Number.isFinite(ours / theirs) ? (ours / theirs).toFixed(2) : "";
    lines.push([label, ...figures.map(String), ratio, comparison === "link" ? bar : ""].map(cell).join(""));
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function cell(text: string, index: number): string {
  return index === 0 ? text.padEnd(20) : text.padStart(12);
}

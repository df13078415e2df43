/** CPU per query of our DNS server beside NSD's, Knot's and BIND's: dnsperf, interleaved, the same zone and questions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { TYPE } from "#dns/constants.ts";
import { ask } from "#dns/testing/client.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { type DnsPlane, pinned, startOurs, startPeers } from "./dns-peers.ts";
import { ORIGIN, queryFile, service, zoneFile } from "./dns-zone.ts";
import type { BenchOptions } from "./lib/measure.ts";
import { stalledShare } from "./lib/machine.ts";
import { cpuSeconds, rssMiB } from "./lib/processes.ts";
import { median, round } from "./lib/stats.ts";
import { cell } from "./lib/table.ts";

const CLIENTS = 4;
const OUTSTANDING = 100;
/** The bar of the 99th percentile at half load. */
const P99_MS = 2;

export interface DnsRun {
  readonly server: DnsPlane["name"];
  readonly round: number;
  readonly queriesPerSecond: number;
  /** Of all its processes and threads. */
  readonly cpuUsPerQuery: number;
  readonly averageMs: number;
  readonly lost: number;
  /** At half of its `queriesPerSecond`. */
  readonly p50MsAtHalfLoad: number;
  readonly p99MsAtHalfLoad: number;
  readonly lostAtHalfLoad: number;
  readonly rssMiB: number;
}

export interface DnsFigures {
  readonly runs: readonly DnsRun[];
  /** Ours / theirs; null where the peer is not installed. `cpuVsNsd` is Knot's where there is no NSD. */
  readonly ratios: {
    readonly cpuVsNsd: number | null;
    readonly cpuVsBind: number | null;
    /** Of the p99 at half load: on a machine that has other things to do, theirs is long too. */
    readonly p99VsNsd: number | null;
  };
  readonly qps: number;
  /** Ours, median of the rounds. */
  readonly p99MsAtHalfLoad: number;
  /** Of all moments, those in which the two cores alone hold up what comes for more than 2 ms, median of the rounds. */
  readonly stalledShare: number;
}

export function hasDnsperf(): boolean {
  return Bun.which("dnsperf") !== null;
}

export async function measureDns({ rounds, seconds, progress }: BenchOptions): Promise<DnsFigures> {
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const planes: DnsPlane[] = [];
  try {
    writeFileSync(`${folder}/zone.txt`, zoneFile());
    writeFileSync(`${folder}/queries.txt`, queryFile());
    planes.push(startOurs(folder), ...startPeers(folder));
    for (const plane of planes) {
      await untilAnswers(plane);
      progress(`warm-up: ${plane.name}`);
      await dnsperf(plane, { folder, seconds });
    }
    const runs: DnsRun[] = [];
    const stalled: number[] = [];
    const cores = (["servers", "load"] as const).map((to) => (words: readonly string[]) => pinned(words, to));
    for (let turn = 1; turn <= rounds; turn++) {
      progress(`round ${turn} of ${rounds}: the machine`);
      stalled.push(await stalledShare(cores, { ms: P99_MS, seconds }));
      for (const plane of planes) {
        progress(`round ${turn} of ${rounds}: ${plane.name}`);
        runs.push(await measure(plane, { folder, seconds, turn }));
      }
    }
    const ratio = (peer: string, of: Figure): number | null => {
      const theirs = medianOf(runs, peer, of);
      return Number.isNaN(theirs) ? null : round(medianOf(runs, "isthmus", of) / theirs);
    };
    const limit = planes.some(({ name }) => name === "nsd") ? "nsd" : "knot";
    const ratios = {
      cpuVsNsd: ratio(limit, (run) => run.cpuUsPerQuery),
      cpuVsBind: ratio("bind", (run) => run.cpuUsPerQuery),
      p99VsNsd: ratio(limit, (run) => run.p99MsAtHalfLoad),
    };
    return {
      runs,
      ratios,
      qps: Math.round(medianOf(runs, "isthmus", (run) => run.queriesPerSecond)),
      p99MsAtHalfLoad: round(medianOf(runs, "isthmus", (run) => run.p99MsAtHalfLoad)),
      stalledShare: median(stalled),
    };
  } finally {
    await Promise.all(planes.map((plane) => plane.process.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

export function dnsReport({ runs, ratios, qps, p99MsAtHalfLoad, stalledShare: stalled }: DnsFigures): string {
  const servers = [...new Set(runs.map(({ server }) => server))];
  const figure = (server: string, of: Figure): string => String(round(medianOf(runs, server, of)));
  const rows: readonly (readonly [string, Figure])[] = [
    ["CPU us/query", (run) => run.cpuUsPerQuery],
    ["queries/s", (run) => run.queriesPerSecond],
    ["average ms", (run) => run.averageMs],
    ["lost", (run) => run.lost],
    ["p50 ms, half load", (run) => run.p50MsAtHalfLoad],
    ["p99 ms, half load", (run) => run.p99MsAtHalfLoad],
    ["lost, half load", (run) => run.lostAtHalfLoad],
    ["RSS MiB", (run) => run.rssMiB],
  ];
  const lines = [
    `DNS, 10,000 services, 80 % NXDOMAIN, ours with 100 changes/s; medians of ${runs.length / servers.length} rounds`,
    "",
    ["", ...servers].map(cell).join(""),
    ...rows.map(([label, of]) => [label, ...servers.map((server) => figure(server, of))].map(cell).join("")),
    "",
    `CPU: ${ratios.cpuVsNsd ?? "?"} of NSD's (bar <= 2.0), ${ratios.cpuVsBind ?? "?"} of BIND's (bar < 1); ${qps} answers/s (bar >= 40,000)`,
    `p99 at half load: ${p99MsAtHalfLoad} ms (bar < ${P99_MS}), ${ratios.p99VsNsd ?? "?"} of NSD's`,
    `This machine with nothing to do: ${(100 * stalled).toFixed(1)} % of all moments wait for more than ${P99_MS} ms for a core; above 1 % that is any server's p99`,
  ];
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

type Figure = (run: DnsRun) => number;

function medianOf(runs: readonly DnsRun[], server: string, of: Figure): number {
  return median(runs.filter((run) => run.server === server).map(of));
}

async function measure(
  plane: DnsPlane,
  { folder, seconds, turn }: { folder: string; seconds: number; turn: number },
): Promise<DnsRun> {
  const before = cpuSeconds([plane.process.pid]);
  const full = await dnsperf(plane, { folder, seconds });
  const cpu = cpuSeconds([plane.process.pid]) - before;
  const half = await dnsperf(plane, { folder, seconds, perSecond: Math.round(full.perSecond / 2) });
  return {
    server: plane.name,
    round: turn,
    queriesPerSecond: Math.round(full.perSecond),
    cpuUsPerQuery: round((cpu / full.completed) * 1e6),
    averageMs: full.averageMs,
    lost: full.lost,
    p50MsAtHalfLoad: half.percentileMs(50),
    p99MsAtHalfLoad: half.percentileMs(99),
    lostAtHalfLoad: half.lost,
    rssMiB: round(rssMiB([plane.process.pid])),
  };
}

interface Load {
  readonly completed: number;
  readonly lost: number;
  readonly perSecond: number;
  readonly averageMs: number;
  /** Known with `perSecond` only. */
  percentileMs(percent: number): number;
}

async function dnsperf(
  { port }: DnsPlane,
  { folder, seconds, perSecond }: { folder: string; seconds: number; perSecond?: number },
): Promise<Load> {
  const words = ["-s", "127.0.0.1", "-p", port, "-d", `${folder}/queries.txt`, "-l", seconds];
  const bounds = [
    "-c",
    CLIENTS,
    "-q",
    OUTSTANDING,
    ...(perSecond === undefined ? [] : ["-Q", perSecond, "-v"]),
  ];
  // To a file: who reads along takes the time of a core from the servers or from the load.
  const said = `${folder}/dnsperf.txt`;
  const child = Bun.spawn(pinned(["dnsperf", ...[...words, ...bounds].map(String)], "load"), {
    stdin: "ignore",
    stdout: Bun.file(said),
    stderr: "ignore",
  });
  await child.exited;
  const text = readFileSync(said, "utf8");
  const figure = (label: string): number => {
    const found = new RegExp(`${label}:\\s+([\\d.]+)`).exec(text)?.[1];
    if (found === undefined) throw new Error(`dnsperf does not say "${label}":\n${text}`);
    return Number(found);
  };
  // With -v each query has a line that ends with its time, s.
  const times = Float64Array.from(text.matchAll(/^> .* ([\d.]+)$/gm), ([, time]) => Number(time)).toSorted();
  return {
    percentileMs: (percent) =>
      round((times[Math.floor((times.length * percent) / 100)] ?? Number.NaN) * 1000),
    completed: figure("Queries completed"),
    lost: figure("Queries lost"),
    perSecond: figure("Queries per second"),
    averageMs: round(figure("Average Latency \\(s\\)") * 1000),
  };
}

async function untilAnswers({ name, port }: DnsPlane): Promise<void> {
  const query = ask({ name: `${service(1).labels.join(".")}.${ORIGIN}`, type: TYPE.A });
  using client = await UdpClient.open(port);
  for (const endMs = performance.now() + 15_000; performance.now() < endMs;) {
    client.send(query);
    if (await client.has(1, 100)) return;
  }
  throw new Error(`No answer from ${name} within 15 s`);
}

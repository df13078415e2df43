/** What is measured of a proxy that handles requests: CPU of each, and latency under a load that does not wait. */
import type { BenchOptions } from "./measure.ts";
import { h2load } from "./h2load.ts";
import { OpenLoop } from "./open-loop.ts";
import type { Plane } from "./plane.ts";
import { cpuSeconds, rssMiB } from "./processes.ts";
import { median, percentile, round } from "./stats.ts";
import { wrk } from "./wrk.ts";

export type HttpComparison = "oneHop" | "twoHop" | "http2";

export function isHttpComparison(text: string): text is HttpComparison {
  return text === "oneHop" || text === "twoHop" || text === "http2";
}

/** Figures that do not apply to a comparison are null. */
export interface HttpRun {
  readonly comparison: HttpComparison;
  readonly plane: string;
  readonly round: number;
  /** Of all processes of the proxy: at 50 connections; over HTTP/2 10 connections with 10 streams each. */
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  /** The same at 500 connections. */
  readonly cpuUsPerRequest500: number | null;
  readonly requestsPerSecond500: number | null;
  /** While the client waits for answers; over HTTP/2 the mean. */
  readonly p50Ms: number;
  readonly p99Ms: number | null;
  /** Requests due at a fixed rate: half of what the slowest proxy of the comparison can do. */
  readonly openLoopPerSecond: number | null;
  readonly openLoopP50Ms: number | null;
  readonly openLoopP99Ms: number | null;
  readonly errors: number;
  readonly rssMiB: number;
}

export type HttpFigure = keyof Omit<HttpRun, "comparison" | "plane" | "round">;

/** Ours / HAProxy's, medians; null where the peer is missing. */
export interface HttpRatios {
  readonly oneHopCpu: number | null;
  readonly twoHopCpu: number | null;
  readonly http2Cpu: number | null;
}

const CONNECTIONS = 50;
const MANY_CONNECTIONS = 500;
const LEAD_IN_SECONDS = 1;
const HTTP2 = { connections: 10, streams: 10 };

export interface HttpMeasureOptions extends BenchOptions {
  readonly comparison: HttpComparison;
  /** Body of each request over HTTP/2. */
  readonly bodyFile: string;
}

/** Runs the planes in turn, round by round, after a warm-up that lets compilers and caches settle. */
export async function measureHttpInterleaved(
  planes: readonly Plane[],
  options: HttpMeasureOptions,
): Promise<HttpRun[]> {
  const { comparison, rounds, progress } = options;
  const speeds: number[] = [];
  for (const plane of planes) {
    progress(`${comparison}: warm-up: ${plane.name}`);
    speeds.push((await closedLoop(plane, { ...options, connections: CONNECTIONS })).perSecond);
  }
  const perSecond = Math.floor(Math.min(...speeds) / 2);
  const runs: HttpRun[] = [];
  for (let turn = 1; turn <= rounds; turn++) {
    for (const plane of planes) {
      progress(`${comparison}: round ${turn} of ${rounds}: ${plane.name}`);
      runs.push(await measure(plane, { ...options, turn, perSecond }));
    }
  }
  return runs;
}

async function measure(
  plane: Plane,
  options: HttpMeasureOptions & { readonly turn: number; readonly perSecond: number },
): Promise<HttpRun> {
  const { comparison, turn } = options;
  const http1 = comparison !== "http2";
  const few = await closedLoop(plane, { ...options, connections: CONNECTIONS });
  const many = http1 ? await closedLoop(plane, { ...options, connections: MANY_CONNECTIONS }) : undefined;
  const open = http1 ? await openLoop(plane, options) : undefined;
  return {
    comparison,
    plane: plane.name,
    round: turn,
    cpuUsPerRequest: round(few.cpuUs),
    requestsPerSecond: round(few.perSecond),
    cpuUsPerRequest500: many === undefined ? null : round(many.cpuUs),
    requestsPerSecond500: many === undefined ? null : round(many.perSecond),
    p50Ms: round(few.p50Ms),
    p99Ms: few.p99Ms === undefined ? null : round(few.p99Ms),
    openLoopPerSecond: open === undefined ? null : options.perSecond,
    openLoopP50Ms: open === undefined ? null : round(open.p50Ms),
    openLoopP99Ms: open === undefined ? null : round(open.p99Ms),
    errors: few.errors + (many?.errors ?? 0) + (open?.errors ?? 0),
    rssMiB: round(rssMiB(pidsOf(plane))),
  };
}

interface Closed {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number | undefined;
  readonly errors: number;
}

/** The next request goes out when an answer is in: as many as the proxy can do. */
async function closedLoop(
  plane: Plane,
  options: HttpMeasureOptions & { readonly connections: number },
): Promise<Closed> {
  const { comparison, seconds, bodyFile, connections } = options;
  const pids = pidsOf(plane);
  if (comparison === "http2") {
    const before = cpuSeconds(pids);
    const url = `http://127.0.0.1:${plane.port}/rpc`;
    const result = await h2load({ url, seconds, bodyFile, ...HTTP2 });
    const { requests, errors, meanMs } = result;
    return {
      cpuUs: ((cpuSeconds(pids) - before) / requests) * 1e6,
      perSecond: requests / seconds,
      p50Ms: meanMs,
      p99Ms: undefined,
      errors,
    };
  }
  const url = `http://127.0.0.1:${plane.port}/1k`;
  // Connections behind the proxy, with their handshakes, are made by the first requests and stay: not measured.
  await wrk({ url, connections, seconds: LEAD_IN_SECONDS });
  const start = cpuSeconds(pids);
  const result = await wrk({ url, connections, seconds });
  return {
    ...result,
    cpuUs: ((cpuSeconds(pids) - start) / result.requests) * 1e6,
    perSecond: result.requests / result.seconds,
  };
}

async function openLoop(
  plane: Plane,
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
): Promise<{ p50Ms: number; p99Ms: number; errors: number }> {
  const times: number[] = [];
  let errors = 0;
  const load = new OpenLoop({
    target: { hostname: "127.0.0.1", port: plane.port },
    connections: CONNECTIONS,
    perSecond,
    request: () => "GET /1k HTTP/1.1\r\nhost: bench\r\n\r\n",
    onDone: ({ dueMs, doneMs, outcome }) => {
      times.push(doneMs - dueMs);
      if (outcome.status !== 200) errors++;
    },
  });
  load.start();
  await Bun.sleep(seconds * 1000);
  await load.stop();
  return { p50Ms: percentile(times, 50), p99Ms: percentile(times, 99), errors };
}

function pidsOf(plane: Plane): number[] {
  return plane.processes.map((process) => process.pid);
}

/** The median of a figure; NaN where there is none. */
export function httpMedianOf(
  runs: readonly HttpRun[],
  { comparison, plane }: Pick<HttpRun, "comparison" | "plane">,
  figure: HttpFigure,
): number {
  const chosen = runs.filter((run) => run.comparison === comparison && run.plane === plane);
  return median(chosen.map((run) => run[figure] ?? Number.NaN));
}

export function httpRatiosOf(runs: readonly HttpRun[]): HttpRatios {
  const ratio = (comparison: HttpComparison): number | null => {
    const of = (plane: string): number => httpMedianOf(runs, { comparison, plane }, "cpuUsPerRequest");
    const value = of("isthmus") / of("haproxy");
    return Number.isFinite(value) ? round(value) : null;
  };
  return { oneHopCpu: ratio("oneHop"), twoHopCpu: ratio("twoHop"), http2Cpu: ratio("http2") };
}

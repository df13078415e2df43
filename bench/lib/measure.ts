/** What is measured of a data plane, and how two planes are compared: interleaved, medians, ratios. */
import type { Plane } from "./plane.ts";
import { cpuSeconds, rssMiB } from "./processes.ts";
import { median, round } from "./stats.ts";
import { wrk } from "./wrk.ts";

export interface Run {
  readonly plane: string;
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bulkMBPerSecond: number;
  readonly bulkCpuSecondsPerGB: number;
  readonly newConnectionsPerSecond: number;
  readonly errors: number;
  readonly rssMiB: number;
}

/** Ours / peer; null where the peer is missing. */
export interface Ratios {
  readonly cpuPerRequest: number | null;
  readonly bulkCpuPerGb: number | null;
  readonly bulkThroughput: number | null;
  readonly newConnections: number | null;
}

export interface BenchOptions {
  readonly rounds: number;
  /** Length of each measurement, s. */
  readonly seconds: number;
  /** Measures the runtime's bare sockets too: what no plane on it can go below. Only with `link`. */
  readonly floor?: boolean;
  /** Told what goes on. */
  readonly progress: (text: string) => void;
}

const CONNECTIONS = 50;
const BULK_CONNECTIONS = 4;

/** Runs the planes in turn, round by round, after a warm-up that lets compilers and caches settle. */
export async function measureInterleaved(planes: readonly Plane[], options: BenchOptions): Promise<Run[]> {
  for (const plane of planes) {
    options.progress(`warm-up: ${plane.name}`);
    const url = `http://127.0.0.1:${plane.port}`;
    await wrk({ url: `${url}/`, connections: CONNECTIONS, seconds: options.seconds });
    await wrk({ url: `${url}/bulk`, connections: BULK_CONNECTIONS, seconds: 1 });
    await wrk({ url: `${url}/`, connections: CONNECTIONS, seconds: 1, close: true });
  }
  const runs: Run[] = [];
  for (let turn = 1; turn <= options.rounds; turn++) {
    for (const plane of planes) {
      options.progress(`round ${turn} of ${options.rounds}: ${plane.name}`);
      runs.push(await measure(plane, { turn, seconds: options.seconds }));
    }
  }
  return runs;
}

async function measure(plane: Plane, options: { turn: number; seconds: number }): Promise<Run> {
  const pids = plane.processes.map((process) => process.pid);
  const url = `http://127.0.0.1:${plane.port}`;
  const { seconds } = options;
  const beforeSmall = cpuSeconds(pids);
  const small = await wrk({ url: `${url}/`, connections: CONNECTIONS, seconds });
  const smallCpu = cpuSeconds(pids) - beforeSmall;
  const beforeBulk = cpuSeconds(pids);
  const bulk = await wrk({ url: `${url}/bulk`, connections: BULK_CONNECTIONS, seconds });
  const bulkCpu = cpuSeconds(pids) - beforeBulk;
  const fresh = await wrk({ url: `${url}/`, connections: CONNECTIONS, seconds, close: true });
  return {
    plane: plane.name,
    round: options.turn,
    requestsPerSecond: round(small.requests / small.seconds),
    cpuUsPerRequest: round((smallCpu / small.requests) * 1e6),
    p50Ms: small.p50Ms,
    p99Ms: small.p99Ms,
    bulkMBPerSecond: round(bulk.bytes / bulk.seconds / 1e6),
    bulkCpuSecondsPerGB: round(bulkCpu / (bulk.bytes / 1e9)),
    newConnectionsPerSecond: round(fresh.requests / fresh.seconds),
    errors: small.errors + bulk.errors + fresh.errors,
    rssMiB: round(rssMiB(pids)),
  };
}

export function medianOf(
  runs: readonly Run[],
  plane: string,
  figure: keyof Omit<Run, "plane" | "round">,
): number {
  return median(runs.filter((run) => run.plane === plane).map((run) => run[figure]));
}

export function ratiosOf(runs: readonly Run[], ours: string, peer: string): Ratios {
  const ratio = (figure: keyof Omit<Run, "plane" | "round">): number | null => {
    const value = medianOf(runs, ours, figure) / medianOf(runs, peer, figure);
    return Number.isFinite(value) ? round(value) : null;
  };
  return {
    cpuPerRequest: ratio("cpuUsPerRequest"),
    bulkCpuPerGb: ratio("bulkCpuSecondsPerGB"),
    bulkThroughput: ratio("bulkMBPerSecond"),
    newConnections: ratio("newConnectionsPerSecond"),
  };
}

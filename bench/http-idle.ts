/** What idle keep-alive connections cost: 10,000 that have had one answer each, through a near and a far router. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { HttpConnection } from "./lib/http-connection.ts";
import { createIdentities } from "./lib/identities.ts";
import { startBackend } from "./lib/backend.ts";
import { startIsthmusPair } from "./lib/isthmus.ts";
import { stopPlane, type Plane } from "./lib/plane.ts";
import { cpuSeconds, rssMiB } from "./lib/processes.ts";
import { SERVICE } from "./lib/router.ts";
import { round } from "./lib/stats.ts";

const CONNECTIONS = 10_000;
const AT_ONCE = 50;
const IDLE_SECONDS = 10;
const RSS_BAR_KIB = 8;
const CPU_BAR_PERCENT = 5;
const REQUEST = "GET /1k HTTP/1.1\r\nhost: bench\r\n\r\n";

interface OfEach {
  readonly near: number;
  readonly far: number;
}

export interface HttpIdleFigures {
  readonly connections: number;
  /** Requests without a 200, those after the idle time included. */
  readonly failed: number;
  /** RSS that the first 10,000 add to each router, over their number. */
  readonly rssKiBPerConnection: OfEach;
  /** The same when they come again after all were closed: what the allocator had kept is used again. */
  readonly rssKiBPerConnectionAgain: OfEach;
  /** Of one core, while nothing is asked. */
  readonly idleCpuPercent: OfEach;
  readonly openSeconds: number;
  readonly ok: boolean;
}

export async function measureHttpIdle(progress: (text: string) => void): Promise<HttpIdleFigures> {
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const backend = await startBackend(folder);
  try {
    const policies = [{ service: SERVICE, timeouts: { httpIdleMs: 3_600_000 } }];
    const options = { backendPort: backend.port, protocol: "http", more: { policies } };
    const pair = await startIsthmusPair(folder, options, await createIdentities());
    try {
      return await measure(pair, progress);
    } finally {
      await stopPlane(pair);
    }
  } finally {
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(pair: Plane, progress: (text: string) => void): Promise<HttpIdleFigures> {
  const of = (figure: (pid: number) => number): OfEach => {
    const [near = Number.NaN, far = Number.NaN] = pair.processes.map(({ pid }) => figure(pid));
    return { near, far };
  };
  const rss = (): OfEach => of((pid) => rssMiB([pid]) * 1024);
  const cpu = (): OfEach => of((pid) => cpuSeconds([pid]));
  let failed = 0;
  // Compilers, pools and buffers grow to their working size on few connections.
  const warm = connections(pair.port, AT_ONCE);
  for (let turn = 0; turn < 200; turn++) failed += await askAll(warm);
  close(warm);
  await Bun.sleep(2000);
  const empty = rss();
  progress(`${CONNECTIONS} keep-alive connections`);
  const startMs = performance.now();
  const held = connections(pair.port, CONNECTIONS);
  failed += await askAll(held);
  const openSeconds = (performance.now() - startMs) / 1000;
  await Bun.sleep(2000);
  const loaded = rss();
  progress(`idle for ${IDLE_SECONDS} s`);
  const cpuBefore = cpu();
  await Bun.sleep(IDLE_SECONDS * 1000);
  const cpuAfter = cpu();
  failed += await askAll(held);
  const reopened = held.filter(({ opened }) => opened !== 1).length;
  close(held);
  await Bun.sleep(3000);
  const emptyAgain = rss();
  progress("once more");
  const again = connections(pair.port, CONNECTIONS);
  failed += await askAll(again);
  await Bun.sleep(2000);
  const loadedAgain = rss();
  close(again);
  const perConnection = (full: OfEach, without: OfEach): OfEach => ({
    near: round((full.near - without.near) / CONNECTIONS),
    far: round((full.far - without.far) / CONNECTIONS),
  });
  const percent = (side: keyof OfEach): number =>
    round(((cpuAfter[side] - cpuBefore[side]) / IDLE_SECONDS) * 100);
  const rssKiBPerConnection = perConnection(loaded, empty);
  const idleCpuPercent = { near: percent("near"), far: percent("far") };
  return {
    connections: CONNECTIONS,
    failed: failed + reopened,
    rssKiBPerConnection,
    rssKiBPerConnectionAgain: perConnection(loadedAgain, emptyAgain),
    idleCpuPercent,
    openSeconds: round(openSeconds),
    ok:
      failed + reopened === 0 &&
      Math.max(rssKiBPerConnection.near, rssKiBPerConnection.far) <= RSS_BAR_KIB &&
      Math.max(idleCpuPercent.near, idleCpuPercent.far) < CPU_BAR_PERCENT,
  };
}

function both({ near, far }: OfEach, unit: string): string {
  return `near ${near} ${unit}, far ${far} ${unit}`;
}

export function httpIdleReport(figures: HttpIdleFigures): string {
  const {
    connections: count,
    failed,
    rssKiBPerConnection,
    rssKiBPerConnectionAgain,
    idleCpuPercent,
    ok,
  } = figures;
  return [
    `${count} idle keep-alive connections through two routers, ${failed} failed`,
    "",
    `RSS per connection       ${both(rssKiBPerConnection, "KiB")}   bar <= ${RSS_BAR_KIB} KiB`,
    `the second time          ${both(rssKiBPerConnectionAgain, "KiB")}`,
    `CPU of a core, idle      ${both(idleCpuPercent, "%")}   bar < ${CPU_BAR_PERCENT} %`,
    ok ? "bars held" : "bars missed",
    "",
  ].join("\n");
}

/** Each connects with its first request. */
function connections(port: number, count: number): HttpConnection[] {
  return Array.from({ length: count }, () => new HttpConnection({ hostname: "127.0.0.1", port }));
}

/** One request on each, a few at once. */
async function askAll(all: readonly HttpConnection[]): Promise<number> {
  let failed = 0;
  const queue = all.values();
  const worker = async (): Promise<void> => {
    for (const connection of queue) if ((await connection.request(REQUEST)).status !== 200) failed++;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed;
}

function close(all: readonly HttpConnection[]): void {
  for (const connection of all) connection.close();
}

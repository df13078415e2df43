/** What streams cost in memory: 120,000 short connections one after the other, then idle streams held open. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createIdentities } from "./lib/identities.ts";
import { startIsthmusPair } from "./lib/isthmus.ts";
import { stopPlane } from "./lib/plane.ts";
import { rssMiB } from "./lib/processes.ts";
import { round } from "./lib/stats.ts";

const SHORT_CONNECTIONS = 120_000;
const AT_ONCE = 50;
/** Each takes two of this process's file descriptors: its client and its backend are here. */
const IDLE_STREAMS = 8000;

export interface MemoryFigures {
  readonly shortConnections: number;
  readonly failed: number;
  /** RSS of each router after the first tenth of the short connections, MiB. */
  readonly rssBeforeMiB: { readonly near: number; readonly far: number };
  readonly rssAfterMiB: { readonly near: number; readonly far: number };
  readonly idleStreams: number;
  readonly idleStreamKiB: { readonly near: number; readonly far: number };
}

export async function measureMemory(progress: (text: string) => void): Promise<MemoryFigures> {
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const answer = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
  );
  // Answers and ends on a request; a connection that asks nothing stays.
  const backend = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write(answer);
        socket.end();
      },
    },
  });
  const pair = await startIsthmusPair(folder, { backendPort: backend.port }, await createIdentities());
  const rss = (): { near: number; far: number } => {
    const [near, far] = pair.processes.map((process) => round(rssMiB([process.pid])));
    return { near: near ?? 0, far: far ?? 0 };
  };
  try {
    progress(`${SHORT_CONNECTIONS} short connections, ${AT_ONCE} at once`);
    let failed = await shortConnections(pair.port, SHORT_CONNECTIONS / 10);
    const rssBeforeMiB = rss();
    failed += await shortConnections(pair.port, (SHORT_CONNECTIONS / 10) * 9);
    const rssAfterMiB = rss();
    progress(`${IDLE_STREAMS} idle streams`);
    // The first round grows the tables that stay; the second shows what a stream itself costs.
    await release(await hold(pair.port, IDLE_STREAMS));
    const empty = rss();
    const held = await hold(pair.port, IDLE_STREAMS);
    await Bun.sleep(1000);
    const loaded = rss();
    await release(held);
    const perStream = (with_: number, without: number): number =>
      round(((with_ - without) * 1024) / IDLE_STREAMS);
    return {
      shortConnections: SHORT_CONNECTIONS,
      failed,
      rssBeforeMiB,
      rssAfterMiB,
      idleStreams: IDLE_STREAMS,
      idleStreamKiB: {
        near: perStream(loaded.near, empty.near),
        far: perStream(loaded.far, empty.far),
      },
    };
  } finally {
    await stopPlane(pair);
    backend.stop(true);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function shortConnections(port: number, count: number): Promise<number> {
  let [left, failed] = [count, 0];
  const worker = async (): Promise<void> => {
    while (left-- > 0) if (!(await one(port))) failed++;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed;
}

/** One connection, one request, read to the end; true when the whole answer came. */
function one(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0;
    const fail = (): void => resolve(false);
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        data: (_, chunk) => void (bytes += chunk.length),
        end: (socket) => void socket.end(),
        close: () => resolve(bytes === 59),
        error: fail,
      },
    }).catch(fail);
  });
}

async function hold(port: number, count: number): Promise<{ terminate(): void }[]> {
  const held: { terminate(): void }[] = [];
  for (let i = 0; i < count; i += AT_ONCE) {
    const opened = Array.from({ length: AT_ONCE }, () =>
      Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }),
    );
    held.push(...(await Promise.all(opened)));
  }
  return held;
}

async function release(held: readonly { terminate(): void }[]): Promise<void> {
  for (const socket of held) socket.terminate();
  await Bun.sleep(3000);
}

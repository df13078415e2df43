/**
 * The comparisons of `http`, each on the same backend, one thread a process: one hop against HAProxy and nginx, two
 * hops over mutual TLS against a pair of HAProxies that handle requests at both hops, and small HTTP/2 requests (clear,
 * HTTP/2 on both sides) against HAProxy and nghttpx.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Backend, startBackend } from "./backend.ts";
import { startHaproxyHop, startHaproxyPair } from "./haproxy.ts";
import { type HttpComparison, type HttpRun, measureHttpInterleaved } from "./http-measure.ts";
import { createIdentities, type TestIdentities } from "./identities.ts";
import { startIsthmusHop, startIsthmusPair } from "./isthmus.ts";
import type { BenchOptions } from "./measure.ts";
import { startNghttpxHop } from "./nghttpx.ts";
import { startNginxHop } from "./nginx.ts";
import { stopPlane, type Plane } from "./plane.ts";

interface Setting {
  readonly folder: string;
  readonly backend: Backend;
  readonly ids: TestIdentities;
}

interface Contestant {
  /** What has to be installed; absent for our own. */
  readonly tool?: string;
  readonly start: (setting: Setting) => Promise<Plane>;
}

const COMPARISONS: Readonly<Record<HttpComparison, readonly Contestant[]>> = {
  oneHop: [
    {
      start: ({ folder, backend }) =>
        startIsthmusHop(folder, { backendPort: backend.port, protocol: "http" }),
    },
    {
      tool: "haproxy",
      start: ({ folder, backend }) => startHaproxyHop(folder, { backendPort: backend.port, mode: "http" }),
    },
    { tool: "nginx", start: ({ folder, backend }) => startNginxHop(folder, backend.port) },
  ],
  twoHop: [
    {
      start: ({ folder, backend, ids }) =>
        startIsthmusPair(folder, { backendPort: backend.port, protocol: "http" }, ids),
    },
    {
      tool: "haproxy",
      start: ({ folder, backend, ids }) =>
        startHaproxyPair(folder, { backendPort: backend.port, mode: "http" }, ids),
    },
  ],
  http2: [
    {
      start: ({ folder, backend }) =>
        startIsthmusHop(folder, { backendPort: backend.http2Port, protocol: "http2" }),
    },
    {
      tool: "haproxy",
      start: ({ folder, backend }) => startHaproxyHop(folder, { backendPort: backend.http2Port, mode: "h2" }),
    },
    { tool: "nghttpx", start: ({ folder, backend }) => startNghttpxHop(folder, backend.http2Port) },
  ],
};

/** Bytes of a request's body over HTTP/2, as of a small gRPC message. */
const SMALL_BODY = 32;

/** Everything that `only` names [all], one comparison after the other. */
export async function compareHttp(
  options: BenchOptions & { readonly only?: readonly HttpComparison[] },
): Promise<HttpRun[]> {
  for (const tool of ["nginx", "wrk", "h2load"]) {
    if (Bun.which(tool) === null)
      throw new Error(
        `The bench needs ${tool}: apt-get install nginx wrk nghttp2-client haproxy nghttp2-proxy`,
      );
  }
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const bodyFile = `${folder}/body`;
  writeFileSync(bodyFile, "x".repeat(SMALL_BODY));
  const backend = await startBackend(folder);
  try {
    const setting = { folder, backend, ids: await createIdentities() };
    const runs: HttpRun[] = [];
    for (const comparison of options.only ?? (["oneHop", "twoHop", "http2"] as const)) {
      const planes: Plane[] = [];
      try {
        for (const { tool, start } of COMPARISONS[comparison]) {
          if (tool !== undefined && Bun.which(tool) === null)
            options.progress(`notice: ${comparison}: ${tool} is not installed, no figures of it`);
          else planes.push(await start(setting));
        }
        runs.push(...(await measureHttpInterleaved(planes, { ...options, comparison, bodyFile })));
      } finally {
        await Promise.all(planes.map(stopPlane));
      }
    }
    return runs;
  } finally {
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The two comparisons: `tcp` (one plain hop) and `link` (two hops over mutual TLS), each on the same backend. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { startBackend } from "./backend.ts";
import { startHaproxyHop, startHaproxyPair } from "./haproxy.ts";
import { createIdentities } from "./identities.ts";
import { startIsthmusHop, startIsthmusPair } from "./isthmus.ts";
import { measureInterleaved, type BenchOptions, type Run } from "./measure.ts";
import { stopPlane, type Plane } from "./plane.ts";
import { startRuntimePair } from "./runtime.ts";

export type Comparison = "tcp" | "link";

export async function comparePlanes(what: Comparison, options: BenchOptions): Promise<Run[]> {
  for (const tool of ["nginx", "wrk"]) {
    if (Bun.which(tool) === null)
      throw new Error(`The bench needs ${tool}: apt-get install nginx wrk haproxy`);
  }
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const planes: Plane[] = [];
  const backend = await startBackend(folder);
  try {
    const ids = await createIdentities();
    planes.push(
      what === "tcp"
        ? await startIsthmusHop(folder, { backendPort: backend.port })
        : await startIsthmusPair(folder, { backendPort: backend.port }, ids),
    );
    if (Bun.which("haproxy") === null) options.progress("haproxy is not installed: no peer, no ratios");
    else {
      planes.push(
        what === "tcp"
          ? await startHaproxyHop(folder, { backendPort: backend.port })
          : await startHaproxyPair(folder, { backendPort: backend.port }, ids),
      );
    }
    if (what === "link" && options.floor === true)
      planes.push(await startRuntimePair(folder, { backendPort: backend.port }, ids));
    return await measureInterleaved(planes, options);
  } finally {
    await Promise.all(planes.map(stopPlane));
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

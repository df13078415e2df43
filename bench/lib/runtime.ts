/** The floor: two processes that only move bytes between the runtime's own sockets, mutual TLS between them. */
import { writeFileSync } from "node:fs";
import type { TestIdentities } from "./identities.ts";
import { planeOnce, type Plane } from "./plane.ts";
import { freePort, start, untilAnswers } from "./processes.ts";

const pump = new URL("runtime-pump.ts", import.meta.url).pathname;

export async function startRuntimePair(
  folder: string,
  { backendPort }: { readonly backendPort: number },
  ids: TestIdentities,
): Promise<Plane> {
  const file = `${folder}/identities.json`;
  writeFileSync(file, JSON.stringify(ids), { mode: 0o600 });
  const [port, linkPort] = [freePort(), freePort()];
  const side = (role: "near" | "far", listen: number, target: number) =>
    start([process.execPath, pump, role, String(listen), String(target), file], {
      log: `${folder}/runtime-${role}.log`,
    });
  const far = side("far", linkPort, backendPort);
  const near = side("near", port, linkPort);
  const plane = { name: "runtime", port, processes: [near, far] };
  return await planeOnce(plane, untilAnswers(`http://127.0.0.1:${port}/`));
}

/** Ours, as shipped: one process a router. */
import type { TestIdentities } from "./identities.ts";
import type { Plane } from "./plane.ts";
import { freePort, untilAnswers } from "./processes.ts";
import { startRouter } from "./router.ts";

export async function startIsthmusHop(folder: string, backendPort: number): Promise<Plane> {
  const port = freePort();
  const hop = startRouter(folder, { site: "hop", listenPort: port, backendPort });
  await untilAnswers(`http://127.0.0.1:${port}/`);
  return { name: "isthmus", port, processes: [hop] };
}

export async function startIsthmusPair(
  folder: string,
  backendPort: number,
  ids: TestIdentities,
): Promise<Plane> {
  const [port, linkPort] = [freePort(), freePort()];
  const far = startRouter(folder, { site: "far", identity: ids.far, linkPort, backendPort });
  const near = startRouter(folder, {
    site: "near",
    identity: ids.near,
    dial: `127.0.0.1:${linkPort}`,
    listenPort: port,
  });
  await untilAnswers(`http://127.0.0.1:${port}/`);
  return { name: "isthmus", port, processes: [near, far] };
}

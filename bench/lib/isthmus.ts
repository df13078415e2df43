/** Ours, as shipped: one process a router. */
import type { TestIdentities } from "./identities.ts";
import { type Plane, planeOnce } from "./plane.ts";
import { freePort, untilAnswers, untilListens } from "./processes.ts";
import { startRouter } from "./router.ts";

/** `protocol` of the listener [tcp]; `more` goes into the configuration of the router that clients connect to. */
export interface IsthmusOptions {
  readonly backendPort: number;
  readonly protocol?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

export async function startIsthmusHop(folder: string, options: IsthmusOptions): Promise<Plane> {
  const port = freePort();
  const hop = startRouter(folder, { site: "hop", listenPort: port, ...options });
  return planeOnce({ name: "isthmus", port, processes: [hop] }, untilListens(port));
}

export async function startIsthmusPair(
  folder: string,
  options: IsthmusOptions,
  ids: TestIdentities,
): Promise<Plane> {
  const { backendPort, ...rest } = options;
  const [port, linkPort] = [freePort(), freePort()];
  const [far, near] = [
    startRouter(folder, { site: "far", identity: ids.far, linkPort, backendPort }),
    startRouter(folder, {
      site: "near",
      identity: ids.near,
      dial: `127.0.0.1:${linkPort}`,
      listenPort: port,
      ...rest,
    }),
  ];
  return planeOnce(
    { name: "isthmus", port, processes: [near, far] },
    untilAnswers(`http://127.0.0.1:${port}/`),
  );
}

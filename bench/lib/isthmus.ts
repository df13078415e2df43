/** Ours, as shipped: `isthmus router run --config FILE`, one process a router. */
import { writeFileSync } from "node:fs";
import type { SiteIdentity, TestIdentities } from "./identities.ts";
import type { Plane } from "./plane.ts";
import { freePort, start, untilAnswers, type Running } from "./processes.ts";

const entry = new URL("../../src/bin/isthmus.ts", import.meta.url).pathname;
const SERVICE = "bench/web";

interface RouterFile {
  readonly site: string;
  readonly identity?: SiteIdentity;
  readonly linkPort?: number;
  readonly dialPort?: number;
  readonly listenPort?: number;
  readonly backendPort?: number;
  readonly lanes?: number;
}

function startRouter(folder: string, file: RouterFile): Running {
  const config = {
    site: { id: file.site, name: file.site },
    ...(file.identity === undefined ? {} : { identity: withoutSite(file.identity) }),
    ...(file.linkPort === undefined ? {} : { accept: [{ listen: `127.0.0.1:${file.linkPort}` }] }),
    ...(file.dialPort === undefined
      ? {}
      : { links: [{ name: "far", addresses: [`127.0.0.1:${file.dialPort}`], lanes: file.lanes ?? 1 }] }),
    ...(file.listenPort === undefined
      ? {}
      : { listeners: [{ service: SERVICE, port: 80, listen: `127.0.0.1:${file.listenPort}` }] }),
    ...(file.backendPort === undefined
      ? {}
      : {
          services: [
            {
              service: SERVICE,
              ports: [{ port: 80, protocol: "TCP" }],
              endpoints: [
                {
                  id: "web-0",
                  name: "web-0",
                  host: "127.0.0.1",
                  ports: { 80: file.backendPort },
                  ready: true,
                },
              ],
            },
          ],
        }),
  };
  const path = `${folder}/${file.site}.json`;
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return start([process.execPath, entry, "router", "run", "--config", path], {
    log: `${folder}/${file.site}.log`,
  });
}

function withoutSite(identity: SiteIdentity): Omit<SiteIdentity, "siteId"> {
  const { siteId: _, ...rest } = identity;
  return rest;
}

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
    dialPort: linkPort,
    listenPort: port,
  });
  await untilAnswers(`http://127.0.0.1:${port}/`);
  return { name: "isthmus", port, processes: [near, far] };
}

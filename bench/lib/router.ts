/** A router as shipped, `isthmus router run --config FILE`, as a process of its own. */
import { writeFileSync } from "node:fs";
import type { SiteIdentity } from "./identities.ts";
import { start, type Running } from "./processes.ts";

const entry = new URL("../../src/bin/isthmus.ts", import.meta.url).pathname;

/** The one service of the benches and tests of transfer. */
export const SERVICE = "bench/web";

export interface RouterFile {
  readonly site: string;
  /** Where this router listens [127.0.0.1]. */
  readonly host?: string;
  readonly identity?: SiteIdentity;
  readonly adminPort?: number;
  readonly linkPort?: number;
  /** `host:port` of the router to dial. */
  readonly dial?: string;
  /** Of the link that is dialled [1]. */
  readonly lanes?: number;
  /** A client that connects here reaches the service. */
  readonly listenPort?: number;
  /** Of that listener [tcp]. */
  readonly protocol?: string;
  /** More entries of the configuration, such as `policies`. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** On 127.0.0.1: the service's one endpoint, exported by this router. */
  readonly backendPort?: number;
}

/** Starts a router; its configuration and log are `<folder>/<site>.json` and `.log`. */
export function startRouter(folder: string, file: RouterFile): Running {
  const host = file.host ?? "127.0.0.1";
  const listen = (port: number): string => `${host}:${port}`;
  const protocol = file.protocol === undefined ? {} : { protocol: file.protocol };
  const config = {
    ...file.more,
    site: { id: file.site, name: file.site },
    ...(file.identity === undefined ? {} : { identity: withoutSite(file.identity) }),
    ...(file.adminPort === undefined ? {} : { admin: { listen: listen(file.adminPort) } }),
    ...(file.linkPort === undefined ? {} : { accept: [{ listen: listen(file.linkPort) }] }),
    ...(file.dial === undefined
      ? {}
      : { links: [{ name: "far", addresses: [file.dial], lanes: file.lanes ?? 1 }] }),
    ...(file.listenPort === undefined
      ? {}
      : { listeners: [{ service: SERVICE, port: 80, listen: listen(file.listenPort), ...protocol }] }),
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
  return startRouterWith(folder, { name: file.site, config });
}

export interface RouterProcess {
  /** Of the files: `<folder>/<name>.json` and `.log`. */
  readonly name: string;
  readonly config: unknown;
  /** Words in front of the command, such as those that enter a network namespace. */
  readonly prefix?: readonly string[];
}

/** A router with any configuration; a later change of the file is followed. */
export function startRouterWith(folder: string, { name, config, prefix = [] }: RouterProcess): Running {
  const path = `${folder}/${name}.json`;
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return start([...prefix, process.execPath, entry, "router", "run", "--config", path], {
    log: `${folder}/${name}.log`,
  });
}

/** An identity as a configuration has it. */
export function withoutSite(identity: SiteIdentity): Omit<SiteIdentity, "siteId"> {
  const { siteId: _, ...rest } = identity;
  return rest;
}

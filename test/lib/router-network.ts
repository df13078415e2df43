import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createIdentities, type TestIdentities } from "../../bench/lib/identities.ts";
import type { Running } from "../../bench/lib/processes.ts";
import { type RouterFile, SERVICE, startRouter } from "../../bench/lib/router.ts";
import type { RouterState } from "#router/state.ts";
import { ownLoopback } from "./addresses.ts";

export interface RouterNetworkOptions {
  /** On 127.0.0.1. */
  readonly backendPort: number;
  /** A third router between the two. */
  readonly relay?: boolean;
  /** Of each link [1]. */
  readonly lanes?: number;
  /** Puts something in the way of the link: gets the address of the far router, gives the one to dial. */
  readonly via?: (address: Address) => Address;
}

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** What `/v1/streams` says of one. */
export interface FlowRecord {
  /** `host:port` */
  readonly client: string;
  readonly bytesToClient: number;
}

type Site = "near" | "relay" | "far";

/**
 * Routers as real processes, joined by real mutual TLS: clients connect to `entrance`, the far router exports the
 * backend. Each network has a loopback address of its own, so that no other process takes its ports.
 */
export class RouterNetwork implements AsyncDisposable {
  readonly entrance: Address;
  readonly #folder: string;
  readonly #files: ReadonlyMap<Site, RouterFile>;
  readonly #running = new Map<Site, Running>();

  private constructor(folder: string, files: ReadonlyMap<Site, RouterFile>) {
    this.#folder = folder;
    this.#files = files;
    const { host = "", listenPort = 0 } = files.get("near") ?? {};
    this.entrance = { hostname: host, port: listenPort };
  }

  /** Resolves when the near router can reach the backend's site. */
  static async start(options: RouterNetworkOptions): Promise<RouterNetwork> {
    const folder = mkdtempSync(`${tmpdir()}/isthmus-test-`);
    const network = new RouterNetwork(folder, filesOf(options, await createIdentities()));
    try {
      for (const site of network.#files.keys()) network.#start(site);
      await network.untilJoined();
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  pid(site: Site): number {
    return this.#process(site).pid;
  }

  /** SIGKILL. */
  async kill(site: Site): Promise<void> {
    await this.#process(site).kill();
  }

  /** Starts it again after `kill`, at the same addresses. */
  restart(site: Site): void {
    this.#start(site);
  }

  async state(site: Site): Promise<RouterState> {
    return (await this.#ask(site, "/v1/state")) as RouterState;
  }

  /** Connections through a router. */
  async flows(site: Site): Promise<readonly FlowRecord[]> {
    return ((await this.#ask(site, "/v1/streams")) as { streams: FlowRecord[] }).streams;
  }

  /** Waits until the near router knows a ready endpoint of a far site that it can reach. */
  async untilJoined(timeoutMs = 20_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const state = await this.state("near").catch(() => undefined);
      const far = state?.sites.find(({ id }) => id === "far");
      if (far?.reachable === true && far.services.some(({ service }) => service === SERVICE)) return;
      if (performance.now() > endMs) {
        const logs = [...this.#files.keys()].map((site) => this.#log(site)).join("\n");
        throw new Error(`The routers did not join within ${timeoutMs} ms: ${JSON.stringify(state)}\n${logs}`);
      }
      await Bun.sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((router) => router.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(site: Site): void {
    const file = this.#files.get(site);
    if (file !== undefined) this.#running.set(site, startRouter(this.#folder, file));
  }

  async #ask(site: Site, path: string): Promise<unknown> {
    const { host, adminPort } = this.#files.get(site) ?? {};
    const answer = await fetch(`http://${host}:${adminPort}${path}`, {
      signal: AbortSignal.timeout(5000),
      keepalive: false,
    });
    return answer.json();
  }

  #process(site: Site): Running {
    const found = this.#running.get(site);
    if (found === undefined) throw new Error(`No router "${site}" was started`);
    return found;
  }

  #log(site: Site): string {
    try {
      return readFileSync(`${this.#folder}/${site}.log`, "utf8");
    } catch {
      return "";
    }
  }
}

function filesOf(options: RouterNetworkOptions, ids: TestIdentities): Map<Site, RouterFile> {
  const { backendPort, lanes = 1, via = (address) => address } = options;
  const host = ownLoopback();
  const file = (site: Site): RouterFile => ({ site, host, identity: ids[site], adminPort: freePort(host) });
  const farAt = { hostname: host, port: freePort(host) };
  const far = { ...file("far"), linkPort: farAt.port, backendPort };
  const dialFar = text(via(farAt));
  const near = { ...file("near"), lanes, listenPort: freePort(host) };
  if (options.relay !== true) {
    return new Map<Site, RouterFile>([
      ["far", far],
      ["near", { ...near, dial: dialFar }],
    ]);
  }
  const relayAt = { hostname: host, port: freePort(host) };
  return new Map<Site, RouterFile>([
    ["far", far],
    ["relay", { ...file("relay"), lanes, linkPort: relayAt.port, dial: dialFar }],
    ["near", { ...near, dial: text(relayAt) }],
  ]);
}

function text({ hostname, port }: Address): string {
  return `${hostname}:${port}`;
}

function freePort(hostname: string): number {
  const listener = Bun.listen({ hostname, port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

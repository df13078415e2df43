import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HttpTarget } from "../../bench/lib/http-connection.ts";
import { createNetwork, type SiteIdentity } from "../../bench/lib/identities.ts";
import type { Running } from "../../bench/lib/processes.ts";
import { startRouterWith, withoutSite } from "../../bench/lib/router.ts";
import type { RouterState } from "#router/state.ts";
import { freePort, ownLoopback } from "./addresses.ts";
import type { Pod } from "./pods.ts";

/** The service of the tests of traffic, and the port that clients use. */
export const APP = "test/app";
export const APP_PORT = 80;

/** One entry of `policies` in a router's configuration, without the service. */
export type Policy = Readonly<Record<string, unknown>>;

export interface SiteOptions {
  /** Of the link from site a [1]. */
  readonly cost?: number;
  readonly pods?: readonly Pod[];
}

export interface TrafficSitesOptions {
  /** Other sites than a, by name; a router of each is dialled by a's. */
  readonly others?: Readonly<Record<string, SiteOptions>>;
  /** Pods of site a itself. */
  readonly pods?: readonly Pod[];
  readonly policy?: Policy;
  /** Of a's listener [http]. */
  readonly protocol?: string;
  /** Where each site's processes run, and their address; all share one loopback address by default. */
  readonly place?: (site: string) => Place;
  /** More of the services' configuration, such as `health`. */
  readonly service?: Readonly<Record<string, unknown>>;
}

export interface Place {
  readonly host: string;
  readonly prefix: readonly string[];
}

/** The routers' own drain time is 30 s; one that needs it all has left something hanging. */
const DRAIN_MS = 15_000;

interface Site {
  readonly name: string;
  readonly identity: SiteIdentity;
  readonly place: Place;
  readonly cost: number;
  readonly linkPort: number;
  readonly adminPort: number;
  pods: readonly Pod[];
  router: Running | undefined;
}

/**
 * Sites with real router processes, driven by their configuration files: clients are at a, which has a listener for
 * the service and links to all others.
 */
export class TrafficSites implements AsyncDisposable {
  /** Where clients of the service connect. */
  readonly entrance: HttpTarget;
  readonly #folder = mkdtempSync(`${tmpdir()}/isthmus-traffic-`);
  readonly #options: TrafficSitesOptions;
  readonly #sites = new Map<string, Site>();
  #policy: Policy | undefined;

  private constructor(options: TrafficSitesOptions, sites: readonly Site[]) {
    this.#options = options;
    this.#policy = options.policy;
    for (const site of sites) this.#sites.set(site.name, site);
    const { host } = this.#site("a").place;
    this.entrance = { hostname: host, port: freePort() };
  }

  /** Resolves when a's router knows all ready pods. */
  static async start(options: TrafficSitesOptions): Promise<TrafficSites> {
    const network = await createNetwork();
    const host = ownLoopback();
    const place = options.place ?? (() => ({ host, prefix: [] }));
    const all = Object.entries<SiteOptions>({ a: { pods: options.pods ?? [] }, ...options.others });
    const sites = await Promise.all(
      all.map(async ([name, { cost = 1, pods = [] }]): Promise<Site> => {
        const identity = await network.site(name);
        const ports = { linkPort: freePort(), adminPort: freePort() };
        return { name, identity, place: place(name), cost, pods, router: undefined, ...ports };
      }),
    );
    const started = new TrafficSites(options, sites);
    try {
      for (const { name } of sites) started.restart(name);
      await started.untilKnown();
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  pid(site: string): number {
    const { router } = this.#site(site);
    if (router === undefined) throw new Error(`The router of "${site}" does not run`);
    return router.pid;
  }

  /** SIGKILL of its router. */
  async kill(site: string): Promise<void> {
    const found = this.#site(site);
    await found.router?.kill();
    found.router = undefined;
  }

  /** SIGTERM; resolves when it has drained and ended, with how long that took, ms. */
  async stop(site: string): Promise<number> {
    const found = this.#site(site);
    const startMs = performance.now();
    await found.router?.stop(DRAIN_MS);
    found.router = undefined;
    return performance.now() - startMs;
  }

  /** Starts its router, again after `kill`. */
  restart(site: string): void {
    const found = this.#site(site);
    const { prefix } = found.place;
    found.router = startRouterWith(this.#folder, { name: site, config: this.#configOf(found), prefix });
  }

  /** Changes a site's pods: its router follows the file. */
  setPods(site: string, pods: readonly Pod[]): void {
    const found = this.#site(site);
    found.pods = pods;
    this.#write(found);
  }

  /** Changes a's policy for the service; undefined takes it away. */
  setPolicy(policy: Policy | undefined): void {
    this.#policy = policy;
    this.#write(this.#site("a"));
  }

  async state(site = "a"): Promise<RouterState> {
    return (await (await this.ask(site, "/v1/state")).json()) as RouterState;
  }

  /** From the admin endpoint of a site's router. */
  async ask(site: string, path: string): Promise<Response> {
    const { place, adminPort } = this.#site(site);
    return fetch(`http://${place.host}:${adminPort}${path}`, {
      signal: AbortSignal.timeout(5000),
      keepalive: false,
    });
  }

  /** The value of a metric of a's router, summed over its labels that match. */
  async metric(name: string, { site = "a", labels = "" } = {}): Promise<number> {
    const text = await (await this.ask(site, "/metrics")).text();
    return text
      .split("\n")
      .filter((line) => line.startsWith(name) && line.includes(labels) && /^[^#]/.test(line))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** Waits until a's router knows exactly the ready pods that the configurations say. */
  async untilKnown({ timeoutMs = 20_000 } = {}): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    const wanted = [...this.#sites.values()]
      .map(({ name, pods }) => `${name}: ${readyNames(pods)}`)
      .toSorted();
    for (;;) {
      const state = await this.state().catch(() => undefined);
      const known = (state?.sites ?? []).map(({ id, reachable, services }) => {
        const endpoints = services.find(({ service }) => service === APP)?.endpoints ?? [];
        return `${id}: ${reachable ? readyNames(endpoints) : "unreachable"}`;
      });
      if (known.toSorted().join("\n") === wanted.join("\n")) return;
      if (performance.now() > endMs) {
        throw new Error(
          `Not known in ${timeoutMs} ms: ${wanted.join("; ")}\nbut ${known.join("; ")}\n${this.logs()}`,
        );
      }
      await Bun.sleep(10);
    }
  }

  /** What the routers have logged. */
  logs(): string {
    return [...this.#sites.keys()].map((site) => `--- ${site}\n${this.#log(site)}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sites.values()].map(({ router }) => router?.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #site(name: string): Site {
    const site = this.#sites.get(name);
    if (site === undefined) throw new Error(`There is no site "${name}"`);
    return site;
  }

  #write(site: Site): void {
    const path = `${this.#folder}/${site.name}.json`;
    writeFileSync(`${path}.new`, JSON.stringify(this.#configOf(site)), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #configOf({ name, identity, place, linkPort, adminPort, pods }: Site): unknown {
    const { host } = place;
    const { protocol = "http", service } = this.#options;
    const others = [...this.#sites.values()].filter((site) => site.name !== "a");
    const common = {
      site: { id: name, name },
      router: { id: `router-${name}` },
      identity: withoutSite(identity),
      admin: { listen: `${host}:${adminPort}` },
      services: [
        {
          service: APP,
          ports: [{ port: APP_PORT, protocol: "TCP" }],
          endpoints: pods.map(endpointOf),
          ...service,
        },
      ],
    };
    if (name !== "a") return { ...common, accept: [{ listen: `${host}:${linkPort}` }] };
    const listen = `${this.entrance.hostname}:${this.entrance.port}`;
    return {
      ...common,
      links: others.map((other) => ({
        name: other.name,
        addresses: [`${other.place.host}:${other.linkPort}`],
        cost: other.cost,
        lanes: 1,
      })),
      listeners: [{ service: APP, port: APP_PORT, listen, protocol }],
      policies: this.#policy === undefined ? [] : [{ service: APP, ...this.#policy }],
    };
  }

  #log(site: string): string {
    try {
      return readFileSync(`${this.#folder}/${site}.log`, "utf8").slice(-4000);
    } catch {
      return "";
    }
  }
}

function endpointOf({ name, host, port, ready = true, weight }: Pod): object {
  const base = { id: name, name, host, ports: { [APP_PORT]: port }, ready };
  return weight === undefined ? base : { ...base, weight };
}

function readyNames(pods: readonly { readonly name: string; readonly ready?: boolean }[]): string {
  return pods
    .filter(({ ready }) => ready !== false)
    .map(({ name }) => name)
    .toSorted()
    .join(" ");
}

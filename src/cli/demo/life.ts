import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { OpenConsole } from "#console/open-console.ts";
import { SteadyLoad } from "#console/sandbox/steady-load.ts";
import { systemClock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Narrator } from "./narrator.ts";
import { contextOf } from "./places.ts";

/** Clients of one cluster that ask a service of its namespace. */
export interface Asking<Cluster extends string> {
  readonly cluster: Cluster;
  readonly service: string;
}

export interface LifeOptions<Cluster extends string> {
  readonly clients: ReadonlyMap<Cluster, KubeClient>;
  /** Where the console stands. */
  readonly home: Cluster;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Opens the console on a port, 0 for any [openConsole]. */
  readonly openConsole?: (port: number) => Promise<OpenConsole>;
}

/** Of each that asks, requests per second. */
const RPS = 3;
/** Where the console of `isthmus console` answers too. */
const CONSOLE_PORT = 8460;
const LOOK_MS = 500;

/**
 * What there is to see of a story while it is played: a console in this process, and a light load. Neither is part of the story: it
 * goes on when there is no console, and while it counts nobody else asks.
 */
export class Life<Cluster extends string> {
  readonly #options: LifeOptions<Cluster>;
  readonly #end = new AbortController();
  readonly #looking = new Set<Promise<void>>();
  readonly #targets: { readonly host: string; readonly port: number }[] = [];
  #loads: SteadyLoad[] = [];
  #quiet = false;
  #console: OpenConsole | undefined;

  constructor(options: LifeOptions<Cluster>) {
    this.#options = options;
  }

  /** Where to look; undefined when there is no console. */
  get url(): string | undefined {
    return this.#console?.console.url;
  }

  /** Opens the console and says where it is; without one the story says why, and goes on. */
  async open(narrator: Narrator): Promise<void> {
    try {
      const { openConsole = (port: number) => this.#openConsole(port) } = this.#options;
      this.#console = await openConsole(CONSOLE_PORT).catch(() => openConsole(0));
      narrator.gap();
      narrator.say(`See it in a browser: ${narrator.style.bold(this.#console.console.url)}`);
    } catch (error) {
      narrator.gap();
      narrator.say(`There is no console to look at: ${messageOf(error)}`);
    }
  }

  /** A few requests per second from each, as soon as its cluster has the service. Only where somebody can look. */
  keepAsking(askings: readonly Asking<Cluster>[]): void {
    if (this.#console === undefined) return;
    for (const asking of askings) {
      const looking: Promise<void> = this.#look(asking).then(() => {
        this.#looking.delete(looking);
      });
      this.#looking.add(looking);
    }
  }

  /** Works while none of this load is under way. */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    this.#quiet = true;
    await this.#stopLoads();
    try {
      return await work();
    } finally {
      this.#quiet = false;
      if (!this.#end.signal.aborted) this.#startLoads();
    }
  }

  /** Ends load and console; nothing of them is left. */
  async end(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#looking);
    await this.#stopLoads();
    const open = this.#console;
    this.#console = undefined;
    await open?.stop();
  }

  async #openConsole(port: number): Promise<OpenConsole> {
    // Loaded here, so that a demo that shows none need not have it.
    const [{ openConsole }, { SandboxSites }, { podProxySource }, { runChecks }] = await Promise.all([
      import("#console/open-console.ts"),
      import("#console/sandbox/sandbox-sites.ts"),
      import("#observe/sources/pod-proxy.ts"),
      import("#observe/checks/run-checks.ts"),
    ]);
    const { namespace, home } = this.#options;
    const client = this.#client(home);
    const opened = await openConsole({
      source: podProxySource({ client, namespace }),
      checks: async (siteId) =>
        opened.observer.self().id === siteId
          ? await Array.fromAsync(runChecks({ client, namespace, clock: systemClock }))
          : undefined,
      store: ":memory:",
      network: "",
      cli: `isthmus --context ${contextOf(home)} -n ${namespace}`,
      sandbox: new SandboxSites(),
      listen: { hostname: "127.0.0.1", port },
      readyMs: 0,
    });
    return opened;
  }

  async #look({ cluster, service }: Asking<Cluster>): Promise<void> {
    const { namespace, signal } = this.#options;
    const over = AbortSignal.any([signal, this.#end.signal]);
    while (!over.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const found = await this.#client(cluster)
        .find<Service>(RESOURCES.services, { namespace, name: service, signal: over })
        .catch(() => undefined);
      const host = found?.spec.clusterIP;
      const port = found?.spec.ports?.[0]?.port;
      if (host !== undefined && host !== "" && host !== "None" && port !== undefined) {
        const target = { host, port };
        this.#targets.push(target);
        if (!this.#quiet && !over.aborted) this.#loads.push(new SteadyLoad({ ...target, rps: RPS }));
        return;
      }
      // oxlint-disable-next-line no-await-in-loop
      await Bun.sleep(LOOK_MS);
    }
  }

  #startLoads(): void {
    this.#loads = this.#targets.map((target) => new SteadyLoad({ ...target, rps: RPS }));
  }

  async #stopLoads(): Promise<void> {
    const loads = this.#loads;
    this.#loads = [];
    await Promise.all(loads.map((load) => load.stop()));
  }

  #client(cluster: Cluster): KubeClient {
    const client = this.#options.clients.get(cluster);
    if (client === undefined) throw new Error(`No client of ${cluster}`);
    return client;
  }
}

import type { KubeObject } from "#api/object.ts";
import { apiVersionOf, RESOURCES, type ResourceDef } from "#api/resources.ts";
import { systemClock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import { KubeClient } from "#kube/client.ts";
import { FakeApi } from "#kube/testing/fake-api.ts";
import { ControlClient } from "#router/control/control-client.ts";
import type { RouterConfig } from "#router/config.ts";
import type { RouterState, SiteState } from "#router/state.ts";
import { SiteController } from "../controller.ts";
import { secretText } from "../join/identity.ts";
import { CONTROL_SECRET, JOIN_SERVICE, ROUTER } from "../names.ts";

export const NAMESPACE = "shop";
const LEASE = { leaseMs: 1500, renewDeadlineMs: 1000, retryMs: 100 };

/** What a router knows of a site, with defaults. */
export function seenSite(name: string, options: Partial<SiteState> = {}): SiteState {
  return {
    id: `id-${name}`,
    name,
    namespace: NAMESPACE,
    version: "1",
    reachable: true,
    links: [],
    services: [],
    ...options,
  };
}

/** A service as it is seen in the network. */
export function seenService(name: string, port = 8080): SiteState["services"][number] {
  return { service: `${NAMESPACE}/${name}`, ports: [{ name: "http", port, protocol: "TCP" }], endpoints: [] };
}

/** One cluster with a controller in it: a real one, on a small API server that keeps objects and nothing else. */
export class TestSite {
  readonly api = new FakeApi();
  readonly client = new KubeClient(this.api.connection);
  readonly #routers: TestRouter[] = [];
  controller: SiteController | undefined;

  /** The objects that `isthmus init` and the cluster would have made. */
  install(options: { name: string; createdAt?: string } = { name: "c1" }): void {
    const { name, createdAt = "2026-01-01T00:00:00Z" } = options;
    this.put(RESOURCES.sites, {
      metadata: { name, creationTimestamp: createdAt, generation: 1 },
      spec: { linkAccess: "ClusterIP", router: { replicas: 1 } },
    });
    this.put(RESOURCES.services, {
      metadata: { name: "isthmus-controller" },
      spec: { type: "ClusterIP", clusterIP: "127.0.0.1", ports: [{ name: "control", port: 7445 }] },
    });
  }

  async start(
    options: { drainMs?: number; sliceLeaseMs?: number; holdMs?: number; pinLingerMs?: number } = {},
  ): Promise<SiteController> {
    const controller = new SiteController({
      client: this.client,
      namespace: NAMESPACE,
      name: "controller",
      image: "isthmus/isthmus:test",
      hostname: "127.0.0.1",
      clock: systemClock,
      random: systemRandom,
      ports: { join: 0, control: 0 },
      lease: LEASE,
      ...options,
    });
    this.controller = controller;
    await controller.start();
    return controller;
  }

  /** What the cluster does by itself: gives the Services that the controller makes a cluster IP. */
  assignAddresses(): void {
    for (const name of [ROUTER, JOIN_SERVICE]) {
      const service = this.read(RESOURCES.services, name);
      if (service !== undefined)
        this.put(RESOURCES.services, {
          ...service,
          spec: { ...(service.spec as object), clusterIP: "127.0.0.1" },
        });
    }
  }

  /** What an API server does when a Service is made. */
  giveAddress(name: string, clusterIP: string): void {
    const service = this.read(RESOURCES.services, name);
    if (service === undefined) throw new Error(`There is no Service "${name}"`);
    this.put(RESOURCES.services, {
      ...service,
      spec: { ...service.spec, clusterIP, clusterIPs: [clusterIP] },
    });
  }

  /** A router of this site: speaks the control channel and forwards nothing. */
  async router(): Promise<TestRouter> {
    const secret = await eventually(() => this.read(RESOURCES.secrets, CONTROL_SECRET));
    const data = secretText(secret);
    const port = await eventually(() => this.controller?.ports.control);
    const router = new TestRouter({ port, token: data["token"] ?? "", ca: data["ca.crt"] ?? "" });
    this.#routers.push(router);
    return router;
  }

  put(def: ResourceDef, object: { metadata: KubeObject["metadata"] } & Record<string, unknown>): KubeObject {
    const metadata = { namespace: NAMESPACE, ...object.metadata };
    return this.api.put(collection(def), {
      ...object,
      apiVersion: apiVersionOf(def),
      kind: def.kind,
      metadata,
    });
  }

  /** As the definition's type; the test says what it put there. */
  read<T extends KubeObject>(def: ResourceDef<T>, name: string): T | undefined {
    return this.api.read(collection(def), name) as KubeObject as T | undefined;
  }

  names(def: ResourceDef): string[] {
    return this.api.all(collection(def)).map(({ metadata }) => metadata.name);
  }

  remove(def: ResourceDef, name: string): void {
    this.api.remove(collection(def), name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const router of this.#routers) router.stop();
    await this.controller?.stop();
    await this.api.stop();
  }
}

/** The router's end of the control channel, under the test's hands. */
export class TestRouter {
  readonly configs: RouterConfig[] = [];
  /** False: it says that it has applied a configuration, and opens no listener of it. */
  listens = true;
  readonly #client: ControlClient;
  #state: RouterState | undefined;

  constructor(options: { port: number; token: string; ca: string }) {
    const { port, token, ca } = options;
    this.#client = new ControlClient({
      url: `wss://127.0.0.1:${port}`,
      token,
      ca,
      clock: systemClock,
      random: systemRandom,
      hello: () => [
        { type: "hello", router: { id: "r1", version: "test" } },
        ...(this.#state === undefined ? [] : [{ type: "state", state: this.#state } as const]),
      ],
      onMessage: ({ generation, config }) => {
        this.configs.push(config as RouterConfig);
        this.#client.send({ type: "applied", generation, problems: [] });
        if (this.#state !== undefined) this.#tell({ ...this.#state, listeners: this.#listeners() });
      },
    });
  }

  get config(): RouterConfig | undefined {
    return this.configs.at(-1);
  }

  /** Listeners of whole services. */
  get listeners(): NonNullable<RouterConfig["listeners"]> {
    return (this.config?.listeners ?? []).filter(({ only }) => only === undefined);
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** Says what it sees; again after each reconnect. */
  sees(
    sites: SiteState[],
    links: RouterState["links"] = [],
    policies: NonNullable<RouterState["policies"]> = [],
  ): void {
    this.#tell({ routerId: "r1", links, sites, listeners: this.#listeners(), policies, problems: [] });
  }

  #tell(state: RouterState): void {
    this.#state = state;
    this.#client.send({ type: "state", state });
  }

  #listeners(): RouterState["listeners"] {
    if (!this.listens) return [];
    return (this.config?.listeners ?? []).map(({ service, port, listen }) => ({
      service,
      port,
      listen: listen.replace("${POD_IP}", "127.0.0.1"),
      state: "open" as const,
    }));
  }

  stop(): void {
    this.#client.stop();
  }
}

/** Waits until `look` gives something; fails with what it was waiting for. */
export async function eventually<T>(look: () => T | undefined | false | null, timeoutMs = 5000): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false && found !== null) return found;
    if (performance.now() > endMs) throw new Error(`Still waiting for: ${look.toString()}`);
    await Bun.sleep(5);
  }
}

function collection(def: ResourceDef): string {
  const root = def.group === "" ? `/api/${def.version}` : `/apis/${def.group}/${def.version}`;
  return `${root}/namespaces/${NAMESPACE}/${def.plural}`;
}

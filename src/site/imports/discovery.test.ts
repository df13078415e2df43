import { expect, test } from "bun:test";
import type { EndpointSlice, Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { SiteState } from "#router/state.ts";
import { eventually, seenService, seenSite, TestSite, type TestRouter } from "../testing/test-site.ts";

const CLUSTER = "multicluster.kubernetes.io/source-cluster";
const ADDRESSES = "isthmus.dev/cluster-addresses";

type Timing = Parameters<TestSite["start"]>[0];

/** A cluster c1 that gives each Service an address as an API server does. */
class Importer implements AsyncDisposable {
  readonly site = new TestSite();
  router!: TestRouter;
  readonly #timer: ReturnType<typeof setInterval>;
  #last = 10;

  constructor() {
    this.#timer = setInterval(() => this.#giveAddresses(), 3);
  }

  static async start(timing: Timing = {}): Promise<Importer> {
    const made = new Importer();
    made.site.install();
    await made.site.start(timing);
    made.router = await made.site.router();
    await eventually(() => made.router.config);
    return made;
  }

  /** Services that lead to one cluster or pod, by what they lead to. */
  pins(): Record<string, Service> {
    const { site } = this;
    const found: Record<string, Service> = {};
    for (const name of site.names(RESOURCES.services)) {
      const service = site.read(RESOURCES.services, name);
      const { labels, annotations } = service?.metadata ?? {};
      const cluster = labels?.["isthmus.dev/clusterset-cluster"];
      if (service === undefined || cluster === undefined) continue;
      const endpoint = annotations?.["isthmus.dev/clusterset-endpoint"];
      found[endpoint === undefined ? cluster : `${cluster}/${endpoint}`] = service;
    }
    return found;
  }

  keys(): string {
    return Object.keys(this.pins()).toSorted().join();
  }

  address(pin: string): string {
    return this.pins()[pin]?.spec.clusterIP ?? "";
  }

  /** Slices by cluster. */
  slices(): Record<string, EndpointSlice> {
    const { site } = this;
    const all = site
      .names(RESOURCES.endpointSlices)
      .flatMap((name) => site.read(RESOURCES.endpointSlices, name) ?? []);
    return Object.fromEntries(
      all.flatMap((slice) => {
        const cluster = slice.metadata.labels?.[CLUSTER];
        return cluster === undefined ? [] : [[cluster, slice]];
      }),
    );
  }

  /** Addresses by which a cluster of a ClusterSetIP import is reached alone. */
  pinned(cluster: string): string | undefined {
    return this.slices()[cluster]?.metadata.annotations?.[ADDRESSES];
  }

  /** What a slice of a headless import shows: hostname=address, with "!" where it is not ready. */
  pods(cluster: string): string {
    return (this.slices()[cluster]?.endpoints ?? [])
      .map(
        ({ hostname, addresses, conditions }) =>
          `${hostname}=${addresses.join()}${conditions?.ready === false ? "!" : ""}`,
      )
      .join(" ");
  }

  /** What the routers are told of narrowed listeners. */
  narrowed(): unknown[] {
    return (this.router.config?.listeners ?? []).flatMap(({ only }) => only ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.site[Symbol.asyncDispose]();
  }

  #giveAddresses(): void {
    const { site } = this;
    for (const name of site.names(RESOURCES.services)) {
      const spec = site.read(RESOURCES.services, name)?.spec;
      if (spec !== undefined && spec.clusterIP === undefined)
        site.giveAddress(name, `10.96.0.${this.#last++}`);
    }
  }
}

function exporting(cluster: string, more: Partial<SiteState> = {}): SiteState {
  const endpoints = [{ id: "p", name: "p", ready: true, weight: 1 }];
  return seenSite(cluster, { services: [{ ...seenService("web"), endpoints }], ...more });
}

function stateful(
  cluster: string,
  pods: Readonly<Record<string, boolean>>,
  more: Partial<SiteState> = {},
): SiteState {
  const endpoints = Object.entries(pods).map(([id, ready]) => ({
    id,
    name: id,
    hostname: id,
    ready,
    weight: 1,
  }));
  const service = { ...seenService("web"), terms: { type: "Headless", createdMs: 1 }, endpoints };
  return seenSite(cluster, { services: [service], ...more });
}

test("each cluster of an import has an address of its own, which leads there alone and stays while the cluster is silent", async () => {
  await using c1 = await Importer.start({ holdMs: 100 });
  c1.router.sees([exporting("c2"), exporting("c3.east")]);
  await eventually(() => c1.pinned("c2") !== undefined && c1.pinned("c3.east") !== undefined);
  expect(c1.keys()).toBe("c2,c3.east");
  const address = c1.address("c2");
  expect(c1.pinned("c2")).toBe(address);
  expect(c1.narrowed()).toEqual([{ site: "c2" }, { site: "c3.east" }]);
  const targets = Object.values(c1.pins()).map(({ spec }) => spec.ports?.[0]?.targetPort);
  const listens = c1.router.config?.listeners?.flatMap(({ listen, only }) =>
    only === undefined ? [] : Number(listen.split(":").at(-1)),
  );
  expect(new Set(targets)).toEqual(new Set(listens));

  c1.router.sees([exporting("c2", { reachable: false }), exporting("c3.east")]);
  await eventually(() => c1.pinned("c2") === undefined);
  expect(c1.slices()["c2"]?.endpoints?.[0]?.conditions?.ready).toBe(false);
  expect(c1.pinned("c3.east")).toBe(c1.address("c3.east"));
  c1.router.sees([exporting("c2"), exporting("c3.east")]);
  await eventually(() => c1.pinned("c2") === address);
});

test("what leads to a cluster goes with its export, and all of it with the last", async () => {
  await using c1 = await Importer.start({ pinLingerMs: 50 });
  c1.router.sees([exporting("c2"), exporting("c3")]);
  await eventually(() => c1.keys() === "c2,c3");
  c1.router.sees([exporting("c2"), seenSite("c3")]);
  await eventually(() => c1.keys() === "c2" && c1.pinned("c3") === undefined);
  c1.router.sees([seenSite("c2"), seenSite("c3")]);
  await eventually(() => c1.keys() === "" && c1.site.names(RESOURCES.serviceImports).length === 0);
});

test("strictly nothing leads to one cluster, and what did goes when the Site says so", async () => {
  await using c1 = await Importer.start();
  c1.router.sees([exporting("c2")]);
  await eventually(() => c1.pinned("c2") !== undefined);
  const site = c1.site.read(RESOURCES.sites, "c1");
  if (site === undefined) throw new Error("There is no Site");
  c1.site.put(RESOURCES.sites, {
    ...site,
    spec: { ...site.spec, discovery: { strict: true, holdSeconds: 5, plainNames: true } },
  });
  await eventually(() => c1.keys() === "" && c1.pinned("c2") === undefined);
  expect(c1.slices()["c2"]).toBeDefined();
});

test("an import whose name is to stay free is reached by NAME-clusterset alone", async () => {
  await using c1 = await Importer.start();
  const site = c1.site.read(RESOURCES.sites, "c1");
  if (site === undefined) throw new Error("There is no Site");
  c1.site.put(RESOURCES.sites, {
    ...site,
    spec: { ...site.spec, discovery: { strict: false, holdSeconds: 5, plainNames: false } },
  });
  c1.router.sees([exporting("c2")]);
  const ips = await eventually(() =>
    c1.site.read(RESOURCES.serviceImports, "web")?.spec.ips?.find((ip) => ip !== ""),
  );
  expect(ips).toBe(c1.site.read(RESOURCES.services, "web-clusterset")?.spec.clusterIP ?? "none");
  expect(c1.site.read(RESOURCES.services, "web")).toBeUndefined();
  // What was made while names were taken goes.
  c1.site.put(RESOURCES.sites, {
    ...site,
    spec: { ...site.spec, discovery: { strict: false, holdSeconds: 5, plainNames: true } },
  });
  await eventually(() => c1.site.read(RESOURCES.services, "web"));
  c1.site.put(RESOURCES.sites, {
    ...site,
    spec: { ...site.spec, discovery: { strict: false, holdSeconds: 5, plainNames: false } },
  });
  await eventually(() => c1.site.read(RESOURCES.services, "web") === undefined);
  expect(c1.site.read(RESOURCES.services, "web-clusterset")?.spec.clusterIP).toBe(ips);
});

test("each pod of a headless service of another cluster has an address, also where two clusters have one of the same name", async () => {
  await using c1 = await Importer.start({ holdMs: 100 });
  c1.router.sees([stateful("c2", { "web-0": true, "web-1": false }), stateful("c3", { "web-0": true })]);
  await eventually(() => c1.pods("c2").includes("web-1=") && c1.pods("c3").includes("web-0="));
  expect(c1.keys()).toBe("c2/web-0,c2/web-1,c3/web-0");
  const [web0, web1] = [c1.address("c2/web-0"), c1.address("c2/web-1")];
  expect(c1.pods("c2")).toBe(`web-0=${web0} web-1=${web1}!`);
  expect(c1.narrowed()).toContainEqual({ endpoint: "c3/web-0" });
  const imported = await eventually(() => {
    const found = c1.site.read(RESOURCES.serviceImports, "web");
    return found?.status?.conditions?.some(({ reason }) => reason === "Ready") === true && found;
  });
  expect(imported.spec).toMatchObject({ type: "Headless", ips: [] });
  expect(imported.status?.endpointSliceObjects).toBe("Present");

  c1.router.sees([stateful("c2", { "web-0": true, "web-1": true }), stateful("c3", { "web-0": true })]);
  await eventually(() => c1.pods("c2") === `web-0=${web0} web-1=${web1}`);
  c1.router.sees([
    stateful("c2", { "web-0": true, "web-1": true }, { reachable: false }),
    stateful("c3", { "web-0": true }),
  ]);
  await eventually(() => c1.pods("c2") === `web-0=${web0}! web-1=${web1}!`);
});

test("a Headless import is not ready before each of its pods has an address", async () => {
  await using site = new TestSite();
  site.install();
  await site.start();
  const router = await site.router();
  await eventually(() => router.config);
  router.sees([stateful("c2", { "web-0": true })]);
  const ready = (): string | undefined =>
    site.read(RESOURCES.serviceImports, "web")?.status?.conditions?.find(({ type }) => type === "Ready")
      ?.reason;
  const pin = await eventually(() => site.names(RESOURCES.services).find((name) => name.startsWith("web-")));
  await eventually(() => ready() === "Pending");
  site.giveAddress(pin, "10.96.0.1");
  await eventually(() => ready() === "Ready");
});

test("a pod that is called otherwise keeps its address: an exporter that is newer now says its hostname", async () => {
  await using c1 = await Importer.start();
  const pod = { id: "10.2.0.1", name: "10.2.0.1", ready: true, weight: 1 };
  const seen = (more: object): SiteState =>
    seenSite("c2", {
      services: [
        {
          ...seenService("web"),
          terms: { type: "Headless", createdMs: 1 },
          endpoints: [{ ...pod, ...more }],
        },
      ],
    });
  c1.router.sees([seen({})]);
  await eventually(() => c1.pods("c2").startsWith("10-2-0-1=10."));
  const address = c1.address("c2/10.2.0.1");
  c1.router.sees([seen({ hostname: "web-0" })]);
  await eventually(() => c1.pods("c2") === `web-0=${address}`);
  await eventually(
    () => c1.pins()["c2/10.2.0.1"]?.metadata.labels?.["isthmus.dev/clusterset-pod"] === "web-0",
  );
  expect(c1.keys()).toBe("c2/10.2.0.1");
});

test("a pod that is started anew has the address that it had; one that stays away loses it", async () => {
  await using c1 = await Importer.start({ pinLingerMs: 500 });
  c1.router.sees([stateful("c2", { "web-0": true, "web-1": true })]);
  await eventually(() => c1.pods("c2").includes("web-1="));
  const address = c1.address("c2/web-0");
  c1.router.sees([stateful("c2", { "web-1": true })]);
  await eventually(() => !c1.pods("c2").includes("web-0"));
  c1.router.sees([stateful("c2", { "web-0": true, "web-1": true })]);
  await eventually(() => c1.pods("c2").includes(`web-0=${address}`));
  c1.router.sees([stateful("c2", { "web-1": true })]);
  await eventually(() => c1.keys() === "c2/web-1");
});

test("300 pods of another cluster have an address each, and one slice with all of them", async () => {
  await using c1 = await Importer.start();
  const pods = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`web-${n}`, true]));
  const startMs = performance.now();
  c1.router.sees([stateful("c2", pods)]);
  await eventually(() => c1.slices()["c2"]?.endpoints?.length === 300, 15_000);
  console.info(
    `figure: discovery, 300 pods have their addresses after ${(performance.now() - startMs).toFixed(0)} ms`,
  );
  const addresses = new Set(c1.slices()["c2"]?.endpoints?.flatMap((one) => one.addresses));
  expect(addresses.size).toBe(300);
  expect(c1.narrowed()).toHaveLength(300);
}, 20_000);

test("when pins have no more room the import says how many have no address, and serves all the same", async () => {
  await using c1 = await Importer.start();
  const ports = Array.from({ length: 100 }, (_, n) => ({ name: `p${n}`, port: 1000 + n, protocol: "TCP" }));
  const endpoints = [{ id: "p", name: "p", ready: true, weight: 1 }];
  const services = [{ service: "shop/web", ports, endpoints }];
  c1.router.sees(Array.from({ length: 82 }, (_, n) => seenSite(`c${n + 10}`, { services })));
  const ready = await eventually(() => {
    const { conditions } = c1.site.read(RESOURCES.serviceImports, "web")?.status ?? {};
    return conditions?.find(({ type, reason }) => type === "Ready" && reason === "Limited");
  });
  expect(ready).toMatchObject({
    status: "True",
    message: "There is no room for an address of 2 single clusters",
  });
  await eventually(() => Object.keys(c1.pins()).length === 80, 10_000);
}, 20_000);

test("the Site says for how long a cluster has to be back; none at all is right away", async () => {
  await using c1 = await Importer.start();
  const site = c1.site.read(RESOURCES.sites, "c1");
  if (site === undefined) throw new Error("There is no Site");
  const discovery = { strict: false, holdSeconds: 0, plainNames: true };
  c1.site.put(RESOURCES.sites, { ...site, spec: { ...site.spec, discovery } });
  c1.router.sees([exporting("c2")]);
  await eventually(() => c1.pinned("c2") !== undefined);
  c1.router.sees([exporting("c2", { reachable: false })]);
  await eventually(() => c1.pinned("c2") === undefined);
  c1.router.sees([exporting("c2")]);
  await eventually(() => c1.pinned("c2") !== undefined, 2000);
});

test("pods of this cluster have the addresses that they have, by the names that other clusters know them by", async () => {
  await using c1 = await Importer.start();
  const { site } = c1;
  site.put(RESOURCES.services, {
    metadata: { name: "web" },
    spec: {
      clusterIP: "None",
      selector: { app: "web" },
      ports: [{ name: "http", port: 8080, targetPort: 9090 }],
    },
  });
  site.put(RESOURCES.endpointSlices, {
    metadata: { name: "web-abc", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 9090, protocol: "TCP" }],
    endpoints: [
      {
        addresses: ["10.1.0.1"],
        hostname: "web-0",
        conditions: { ready: true },
        targetRef: { name: "web-0" },
      },
      { addresses: ["10.1.0.2"], conditions: { ready: true }, targetRef: { name: "web-x1y2" } },
      { addresses: ["10.1.0.3"], conditions: { ready: true, terminating: true }, targetRef: { name: "old" } },
    ],
  });
  site.put(RESOURCES.serviceExports, {
    metadata: { name: "web", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {},
  });
  c1.router.sees([]);
  await eventually(() => c1.pods("c1") !== "");
  expect(c1.pods("c1")).toBe("web-0=10.1.0.1 10-1-0-2=10.1.0.2 10-1-0-3=10.1.0.3!");
  expect(c1.slices()["c1"]?.ports).toEqual([{ name: "http", protocol: "TCP", port: 9090 }]);
  expect(c1.keys()).toBe("");
  const exported = c1.router.config?.services?.find(({ service }) => service === "shop/web");
  expect(exported?.endpoints.map(({ hostname }) => hostname)).toEqual(["10-1-0-3", "web-0", "10-1-0-2"]);
});

test("this cluster of an import is reached by its own Service", async () => {
  await using c1 = await Importer.start();
  c1.site.put(RESOURCES.services, {
    metadata: { name: "web" },
    spec: { clusterIP: "10.96.1.1", selector: { app: "web" }, ports: [{ name: "http", port: 8080 }] },
  });
  c1.site.put(RESOURCES.serviceExports, {
    metadata: { name: "web", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {},
  });
  c1.router.sees([exporting("c2")]);
  await eventually(() => c1.pinned("c1") === "10.96.1.1" && c1.pinned("c2") !== undefined);
  expect(c1.keys()).toBe("c2");
});

test("a controller that is started anew leaves addresses and slices as they are, before and after it hears of the clusters", async () => {
  await using c1 = await Importer.start();
  c1.router.sees([exporting("c2"), stateful("c3", { "web-0": true })]);
  c1.router.sees([
    exporting("c2"),
    seenSite("c3", {
      services: [
        {
          ...seenService("db"),
          terms: { type: "Headless", createdMs: 1 },
          endpoints: [{ id: "db-0", name: "db-0", hostname: "db-0", ready: true, weight: 1 }],
        },
      ],
    }),
  ]);
  await eventually(() => c1.pinned("c2") !== undefined && c1.pods("c3").startsWith("db-0=10."));
  const before = JSON.stringify([c1.pins(), c1.slices()]);
  await c1.site.controller?.stop();
  await c1.site.start();
  const again = await c1.site.router();
  await eventually(() => again.config?.listeners?.length === 3);
  await Bun.sleep(300);
  again.sees([seenSite("c9")]);
  await Bun.sleep(300);
  expect(JSON.stringify([c1.pins(), c1.slices()])).toBe(before);
});

test("a link that flaps writes a cluster's slices once, not once each time", async () => {
  await using c1 = await Importer.start({ holdMs: 400 });
  c1.router.sees([exporting("c2")]);
  await eventually(() => c1.pinned("c2") !== undefined);
  const writes = (): number =>
    c1.site.api.requests.filter(({ method, path }) => method === "PUT" && path.includes("/endpointslices/"))
      .length;
  const before = writes();
  const uid = c1.site.read(RESOURCES.serviceImports, "web")?.metadata.uid;
  for (let n = 0; n < 20; n++) {
    c1.router.sees([exporting("c2", { reachable: n % 2 === 1 })]);
    await Bun.sleep(50);
  }
  expect(writes() - before).toBe(1);
  expect(c1.pinned("c2")).toBeUndefined();
  await eventually(() => c1.pinned("c2") !== undefined);
  expect(writes() - before).toBe(2);
  expect(c1.site.read(RESOURCES.serviceImports, "web")?.metadata.uid).toBe(uid ?? "");
});

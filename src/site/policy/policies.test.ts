import { describe, expect, test } from "bun:test";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import type { PolicyState } from "#router/state.ts";
import { eventually, seenService, seenSite, TestSite, type TestRouter } from "../testing/test-site.ts";

const IMPORTED = seenSite("c2", { services: [seenService("web")] });

/** A site with a router, and the service web of another. */
async function importing(): Promise<{ site: TestSite; router: TestRouter }> {
  const site = new TestSite();
  site.install();
  await site.start();
  const router = await site.router();
  await eventually(() => router.config);
  router.sees([IMPORTED]);
  await eventually(() => site.read(RESOURCES.services, "web") && router.listeners.length === 1);
  return { site, router };
}

function putPolicy(site: TestSite, spec: object, metadata: object = {}): void {
  const known = site.read(RESOURCES.trafficPolicies, "web");
  site.put(RESOURCES.trafficPolicies, {
    ...(known === undefined ? {} : { status: known.status }),
    metadata: { name: "web", generation: (known?.metadata.generation ?? 0) + 1, ...metadata },
    spec: { mode: "Failover", spread: "Endpoints", ...spec },
  });
}

function status(site: TestSite) {
  return site.read(RESOURCES.trafficPolicies, "web")?.status;
}

function state(percents: Record<string, number>): PolicyState {
  const clusters = Object.entries(percents).map(([cluster, sharePercent]) => ({
    cluster,
    sharePercent,
    endpoints: [{ name: `${cluster}-pod`, sharePercent }],
  }));
  return { service: "shop/web", port: 8080, tiers: [], clusters, unknownTargets: [] };
}

test("an edit of a policy reaches the routers within 100 ms", async () => {
  const { site, router } = await importing();
  await using _ = site;
  const times: number[] = [];
  for (let spillAt = 1; spillAt <= 20; spillAt++) {
    const startMs = performance.now();
    putPolicy(site, { spread: "Cost", spillAt });
    await eventually(() => router.config?.policies?.[0]?.spillAt === spillAt);
    times.push(performance.now() - startMs);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
  console.info(`policy edit to router: median ${at(0.5)} ms, slowest ${at(1)} ms of ${sorted.length}`);
  expect(Number(at(0.9))).toBeLessThan(100);
});

test("mode Local refuses the clients of an imported service, and any other mode lets them in again", async () => {
  const { site, router } = await importing();
  await using _ = site;
  const selector = (): string => JSON.stringify(site.read(RESOURCES.services, "web")?.spec.selector);
  expect(selector()).toBe('{"app.kubernetes.io/name":"isthmus-router"}');
  site.giveAddress("web", "10.96.0.7");
  putPolicy(site, { mode: "Local" });
  await eventually(() => selector() === '{"isthmus.dev/nobody":"true"}');
  const ready = () =>
    conditionOf(site.read(RESOURCES.serviceImports, "web")?.status?.conditions, "Ready")?.reason;
  await eventually(() => ready() === "Local");
  // Its listener stays, so that the way back is short.
  expect(router.listeners).toHaveLength(1);
  putPolicy(site, { mode: "ActiveActive" });
  await eventually(() => selector() === '{"app.kubernetes.io/name":"isthmus-router"}');
  await eventually(() => ready() === "Ready");
  putPolicy(site, { mode: "Local" });
  await eventually(() => selector().includes("nobody"));
  site.remove(RESOURCES.trafficPolicies, "web");
  await eventually(() => selector().includes("isthmus-router"));
});

describe("what is spoken on a port", () => {
  test("comes with the export, and is in the imported Service, the ServiceImport and the listener", async () => {
    const { site, router } = await importing();
    await using _ = site;
    const ports = [
      { name: "api", port: 9090, protocol: "TCP", appProtocol: "kubernetes.io/h2c" },
      { name: "bad", port: 9091, protocol: "TCP", appProtocol: "no such word!" },
    ];
    router.sees([IMPORTED, seenSite("c3", { services: [{ service: "shop/rpc", ports, endpoints: [] }] })]);
    const service = await eventually(() => site.read(RESOURCES.services, "rpc"));
    expect(service.spec.ports).toMatchObject([
      { port: 9090, appProtocol: "kubernetes.io/h2c" },
      { port: 9091, name: "bad" },
    ]);
    expect(service.spec.ports?.[1]).not.toHaveProperty("appProtocol");
    const object = await eventually(() => site.read(RESOURCES.serviceImports, "rpc"));
    expect(object.spec.ports[0]).toMatchObject({ port: 9090, appProtocol: "kubernetes.io/h2c" });
    await eventually(() => router.listeners.length === 3);
    const protocols = router.listeners.map(({ service: of, port, protocol }) => `${of}:${port} ${protocol}`);
    expect(protocols).toEqual(["shop/rpc:9090 http2", "shop/rpc:9091 auto", "shop/web:8080 http"]);
    // Another word later changes all of them.
    router.sees([
      IMPORTED,
      seenSite("c3", { services: [{ service: "shop/rpc", ports: ports.slice(1), endpoints: [] }] }),
    ]);
    await eventually(() => site.read(RESOURCES.services, "rpc")?.spec.ports?.length === 1);
    await eventually(() => site.read(RESOURCES.serviceImports, "rpc")?.spec.ports.length === 1);
  });

  test("goes out with an export", async () => {
    const { site, router } = await importing();
    await using _ = site;
    site.put(RESOURCES.services, {
      metadata: { name: "mine" },
      spec: { selector: { app: "mine" }, ports: [{ name: "x", port: 80, appProtocol: "grpc" }] },
    });
    site.put(RESOURCES.serviceExports, { metadata: { name: "mine", generation: 1 } });
    await eventually(() => router.config?.services?.[0]?.ports[0]?.appProtocol === "grpc");
  });
});

test("affinity of a ServiceImport or its Service is told to the routers without any policy", async () => {
  const { site, router } = await importing();
  await using _ = site;
  const terms = { type: "ClusterSetIP", sessionAffinity: "ClientIP", affinitySeconds: 60 };
  router.sees([seenSite("c2", { services: [{ ...seenService("web"), terms }] })]);
  const affinity = { type: "ClientIP", timeoutSeconds: 60 };
  await eventually(
    () => JSON.stringify(router.config?.policies) === JSON.stringify([{ service: "shop/web", affinity }]),
  );
});

describe("the status of a policy", () => {
  test("shows the shares and whom it does not find, and is written once a second at most", async () => {
    const { site, router } = await importing();
    await using _ = site;
    putPolicy(site, { targets: [{ cluster: "c2" }, { cluster: "c9" }] });
    const found = () => conditionOf(status(site)?.conditions, "TargetsFound");
    await eventually(() => found()?.reason === "UnknownClusters");
    expect(found()?.message).toContain("c9");
    putPolicy(site, { targets: [{ cluster: "c1" }, { cluster: "c2" }, { cluster: "c3" }] });
    const sites = [IMPORTED, seenSite("c3")];
    router.sees(sites);
    await eventually(() => found()?.reason === "NotExported");
    expect(found()?.message).toEndWith(": c3");
    router.sees(
      [IMPORTED, seenSite("c3", { services: [seenService("web")] })],
      [],
      [state({ c2: 66.6666, c3: 33.3333 })],
    );
    await eventually(() => status(site)?.summary === "c2 67%, c3 33%");
    expect(status(site)?.shares).toEqual([
      { cluster: "c2", percent: 66.7, endpoints: [{ name: "c2-pod", percent: 66.7 }] },
      { cluster: "c3", percent: 33.3, endpoints: [{ name: "c3-pod", percent: 33.3 }] },
    ]);
    expect(found()?.status).toBe("True");
    const before = site.api.requests.length;
    for (let percent = 1; percent <= 50; percent++) {
      router.sees(sites, [], [state({ c2: percent, c3: 100 - percent })]);
      await Bun.sleep(20);
    }
    await eventually(
      () => status(site)?.summary === "c2 50%, c3 50%" || status(site)?.summary === "c3 50%, c2 50%",
    );
    const writes = site.api.requests
      .slice(before)
      .filter(({ method, path }) => method === "PUT" && path.endsWith("/trafficpolicies/web/status"));
    expect(writes.length).toBeLessThanOrEqual(4);
  }, 10_000);

  test("says that there is no such Service, and that a router has not taken it up", async () => {
    const { site, router } = await importing();
    await using _ = site;
    putPolicy(site, {});
    await eventually(() => conditionOf(status(site)?.conditions, "Ready")?.status === "True");
    expect(conditionOf(status(site)?.conditions, "Ready")?.observedGeneration).toBe(1);
    router.sees([seenSite("c2")]);
    await eventually(() => conditionOf(status(site)?.conditions, "Ready")?.reason === "NoService");
  });

  test("counts each switch back by hand", async () => {
    const { site, router } = await importing();
    await using _ = site;
    const resume = (): number | undefined => router.config?.policies?.[0]?.resume;
    putPolicy(site, { failover: { failback: "Manual" } });
    await eventually(() => router.config?.policies?.[0]?.failover?.failback === "Manual");
    expect(resume()).toBeUndefined();
    const given: number[] = [];
    for (const value of ["go", "again", "go"]) {
      putPolicy(
        site,
        { failover: { failback: "Manual" } },
        { annotations: { "isthmus.dev/failback": value } },
      );
      const known = given.at(-1);
      given.push(await eventually(() => (resume() === known ? undefined : resume())));
    }
    expect(given.toSorted((a, b) => a - b)).toEqual(given);
    expect(new Set(given).size).toBe(3);
  });
});

test("exported services with a path answer on the entry that the Site asks for; doubled paths say so", async () => {
  const { site, router } = await importing();
  await using _ = site;
  for (const [name, createdAt] of [
    ["old", "2026-01-01T00:00:00Z"],
    ["young", "2026-01-02T00:00:00Z"],
  ] as const) {
    site.put(RESOURCES.services, {
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
    });
    site.put(RESOURCES.serviceExports, {
      metadata: {
        name,
        generation: 1,
        creationTimestamp: createdAt,
        annotations: { "isthmus.dev/entry-path": "/cluster-1/web" },
      },
    });
  }
  const entry = (name: string) =>
    conditionOf(site.read(RESOURCES.serviceExports, name)?.status?.conditions, "Entry");
  await eventually(() => entry("old")?.reason === "NoEntry");
  expect(router.config).not.toHaveProperty("entry");
  const known = await eventually(() => site.read(RESOURCES.sites, "c1"));
  site.put(RESOURCES.sites, { ...known, spec: { ...known.spec, entry: { port: 81 } } });
  await eventually(() => router.config?.entry);
  const route = { path: "/cluster-1/web", pathType: "Prefix", port: 80, stripPrefix: true } as const;
  expect(router.config?.entry).toEqual({
    listen: "${POD_IP}:7446",
    routes: [{ ...route, service: "shop/old" }],
  });
  const service = await eventually(() => site.read(RESOURCES.services, "isthmus-entry"));
  expect(service.spec).toMatchObject({ type: "ClusterIP", ports: [{ port: 81, targetPort: 7446 }] });
  await eventually(() => entry("old")?.reason === "Served" && entry("young")?.reason === "PathTaken");
  site.remove(RESOURCES.serviceExports, "old");
  await eventually(() => entry("young")?.reason === "Served");
  await eventually(() => router.config?.entry?.routes[0]?.service === "shop/young");
  const { spec, ...rest } = await eventually(() => site.read(RESOURCES.sites, "c1"));
  const { entry: ___, ...without } = spec;
  site.put(RESOURCES.sites, { ...rest, spec: without });
  await eventually(() => site.read(RESOURCES.services, "isthmus-entry") === undefined);
  await eventually(() => router.config?.entry === undefined);
});

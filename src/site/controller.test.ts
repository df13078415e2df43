import { describe, expect, test } from "bun:test";
import type { Service } from "#api/builtin.ts";
import type { AccessToken } from "#api/kinds/access-token.ts";
import { conditionOf, isTrue } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { parseConfig } from "#router/config.ts";
import { hashOfCode } from "./join/join-protocol.ts";
import { IMPORT_LABEL, ORIGINAL_ANNOTATION } from "./names.ts";
import { SliceKeeper } from "./testing/slice-keeper.ts";
import { eventually, seenService, seenSite, TestSite } from "./testing/test-site.ts";

const CODE = "correct-horse-battery-staple-0123456789";

function service(site: TestSite, name: string): Service | undefined {
  return site.read(RESOURCES.services, name);
}

function putExport(site: TestSite, name: string, address = "10.0.0.1"): void {
  site.put(RESOURCES.services, {
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 8080 }] },
  });
  putSlice(site, name, [address]);
  site.put(RESOURCES.serviceExports, { metadata: { name, generation: 1 } });
}

function putSlice(site: TestSite, name: string, addresses: string[]): void {
  site.put(RESOURCES.endpointSlices, {
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  });
}

function putGrant(site: TestSite, name = "grant"): void {
  site.put(RESOURCES.accessGrants, {
    metadata: { name, generation: 1, creationTimestamp: new Date().toISOString() },
    spec: { codeHash: hashOfCode(CODE), redemptionsAllowed: 1, expirationWindow: "15m" },
  });
}

/** What `isthmus link create` puts into the joining cluster. */
function putToken(site: TestSite, issuer: TestSite, change: Partial<AccessToken["spec"]> = {}): void {
  const { ca = "", network = "" } = issuer.read(RESOURCES.accessGrants, "grant")?.status ?? {};
  const url = `https://127.0.0.1:${issuer.controller?.ports.join ?? 0}`;
  site.put(RESOURCES.secrets, {
    metadata: { name: "code" },
    data: { code: Buffer.from(CODE).toString("base64") },
  });
  site.put(RESOURCES.accessTokens, {
    metadata: { name: "to-c1", generation: 1 },
    spec: { url, ca, network, codeSecret: "code", linkCost: 4, ...change },
  });
}

async function founded(name = "c1"): Promise<TestSite> {
  const site = new TestSite();
  site.install({ name });
  await site.start();
  await eventually(() => service(site, "isthmus-join") && service(site, "isthmus-router"));
  site.assignAddresses();
  putGrant(site);
  await eventually(() => isTrue(site.read(RESOURCES.accessGrants, "grant")?.status?.conditions, "Ready"));
  return site;
}

describe("a new site", () => {
  test("gets a router, and is ready when that has the configuration", async () => {
    await using site = new TestSite();
    site.install();
    await site.start();
    const router = await site.router();
    await eventually(() => router.config);
    router.sees([]);
    const ready = await eventually(() => {
      const { status } = site.read(RESOURCES.sites, "c1") ?? {};
      return isTrue(status?.conditions, "Running") && isTrue(status?.conditions, "Configured")
        ? status
        : undefined;
    });
    expect(conditionOf(ready.conditions, "Ready")).toMatchObject({ status: "False", reason: "Pending" });
    site.assignAddresses();
    await eventually(() => isTrue(site.read(RESOURCES.sites, "c1")?.status?.conditions, "Ready"));
    expect(site.read(RESOURCES.sites, "c1")?.status?.endpoints).toEqual([
      { name: "link", host: "127.0.0.1", port: 7443 },
      { name: "join", host: "127.0.0.1", port: 7444 },
    ]);
    expect(JSON.stringify(site.read(RESOURCES.deployments, "isthmus-router"))).toContain(
      "wss://127.0.0.1:7445",
    );
  });

  test("is the older of two in a namespace", async () => {
    await using site = new TestSite();
    site.install({ name: "newer", createdAt: "2026-02-01T00:00:00Z" });
    site.install({ name: "older", createdAt: "2026-01-01T00:00:00Z" });
    await site.start();
    const second = await eventually(() =>
      conditionOf(site.read(RESOURCES.sites, "newer")?.status?.conditions, "Ready"),
    );
    expect(second).toMatchObject({ status: "False", reason: "SecondSite" });
    expect(second.message).toContain('"older"');
  });

  test("writes nothing more once all is as it should be", async () => {
    await using site = await founded();
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    await eventually(() => site.read(RESOURCES.serviceImports, "web")?.status?.clusters);
    await Bun.sleep(300);
    const before = site.api.requests.length;
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    await Bun.sleep(300);
    const writes = site.api.requests
      .slice(before)
      .filter(({ method, path }) => method !== "GET" && !path.includes("/leases/"));
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

describe("exports", () => {
  test("reach the routers within milliseconds, and follow their endpoints", async () => {
    await using site = new TestSite();
    site.install();
    await site.start();
    const router = await site.router();
    await eventually(() => router.config);
    putExport(site, "web");
    await eventually(() => router.config?.services?.[0]?.endpoints[0]?.host === "10.0.0.1");
    const times: number[] = [];
    for (let index = 2; index < 22; index++) {
      const startMs = performance.now();
      putSlice(site, "web", [`10.0.0.${index}`]);
      await eventually(() => router.config?.services?.[0]?.endpoints[0]?.host === `10.0.0.${index}`);
      times.push(performance.now() - startMs);
    }
    const slowest = times.toSorted((a, b) => a - b).at(-2) ?? Infinity;
    expect(slowest).toBeLessThan(50);
    await eventually(() => isTrue(site.read(RESOURCES.serviceExports, "web")?.status?.conditions, "Ready"));
    site.remove(RESOURCES.serviceExports, "web");
    await eventually(() => router.config?.services?.length === 0);
    expect(parseConfig(router.config)).toMatchObject({ ok: true });
  });
});

describe("imports", () => {
  test("come with the first export in another site and go with the last", async () => {
    await using site = await founded();
    const router = await site.router();
    router.sees([
      seenSite("c2", { services: [seenService("web")] }),
      seenSite("c3", { services: [seenService("web")] }),
    ]);
    const made = await eventually(() => service(site, "web"));
    expect(made.spec.selector).toEqual({ "app.kubernetes.io/name": "isthmus-router" });
    expect(made.spec.ports).toEqual([{ name: "http", protocol: "TCP", port: 8080, targetPort: 10_000 }]);
    await eventually(() => router.config?.listeners?.[0]?.listen === "${POD_IP}:10000");
    const clusters = await eventually(() => site.read(RESOURCES.serviceImports, "web")?.status?.clusters);
    expect(clusters.map(({ cluster }) => cluster)).toEqual(["c2", "c3"]);
    router.sees([seenSite("c2"), seenSite("c3", { services: [seenService("web")] })]);
    await eventually(() => site.read(RESOURCES.serviceImports, "web")?.status?.clusters?.length === 1);
    expect(service(site, "web")).toBeDefined();
    router.sees([seenSite("c2"), seenSite("c3")]);
    await eventually(
      () => service(site, "web") === undefined && site.names(RESOURCES.serviceImports).length === 0,
    );
    await eventually(() => router.config?.listeners?.length === 0);
    await eventually(() => site.names(RESOURCES.services).every((name) => name.startsWith("isthmus-")));
  });

  test("survive silence: an unreachable exporter, a router that went, a new controller; and keep their port", async () => {
    await using site = await founded();
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("aaa"), seenService("web")] })]);
    const before = await eventually(() => service(site, "web"));
    await eventually(() => site.read(RESOURCES.serviceImports, "web")?.status?.clusters);
    router.sees([seenSite("c2", { reachable: false })]);
    await Bun.sleep(700);
    router.sees([]);
    await Bun.sleep(700);
    router.stop();
    await site.controller?.stop();
    await site.start();
    const again = await site.router();
    again.sees([]);
    const config = await eventually(() => again.config);
    await Bun.sleep(700);
    expect(service(site, "web")?.metadata.uid).toBe(before.metadata.uid ?? "");
    expect(config.listeners?.map(({ listen }) => listen).toSorted()).toEqual(
      [10_000, 10_001, 10_002, 10_003].map((port) => `\${POD_IP}:${port}`),
    );
  }, 10_000);

  test("never touch a Service of the user", async () => {
    await using site = await founded();
    site.put(RESOURCES.services, {
      metadata: { name: "web" },
      spec: { selector: { app: "mine" }, ports: [{ port: 80 }] },
    });
    const mine = service(site, "web");
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("web"), seenService("other")] })]);
    await eventually(() => service(site, "other"));
    const ready = () => conditionOf(site.read(RESOURCES.serviceImports, "web")?.status?.conditions, "Ready");
    await eventually(() => ready()?.reason === "Pending");
    // The import has an address of its own, which leads to the routers.
    await eventually(() => service(site, "web-clusterset"));
    site.giveAddress("web-clusterset", "10.96.0.7");
    await eventually(() => ready()?.reason === "Ready");
    expect(ready()?.message).toContain('Service "web" of this namespace is not managed by Isthmus');
    expect(site.read(RESOURCES.serviceImports, "web")?.spec).toMatchObject({
      ips: ["10.96.0.7"],
      ipFamilies: ["IPv4"],
    });
    expect(service(site, "web-clusterset")?.spec).toMatchObject({
      selector: { "app.kubernetes.io/name": "isthmus-router" },
    });
    router.sees([seenSite("c2")]);
    await eventually(() => service(site, "other") === undefined);
    await eventually(() => service(site, "web-clusterset") === undefined);
    expect(service(site, "web")).toEqual(mine);
  });

  test("whose exporter never comes back can be deleted by hand, with their Service", async () => {
    await using site = await founded();
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    await eventually(
      () => service(site, "web") && site.read(RESOURCES.serviceImports, "web")?.status?.clusters,
    );
    router.sees([seenSite("c2", { reachable: false, services: [seenService("web")] })]);
    await Bun.sleep(50);
    site.remove(RESOURCES.serviceImports, "web");
    await eventually(() => service(site, "web") === undefined);
    await Bun.sleep(100);
    expect(site.names(RESOURCES.serviceImports)).toEqual([]);
  });

  test("are repaired when somebody changes or deletes their Service", async () => {
    await using site = await founded();
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    const made = await eventually(() => service(site, "web"));
    expect(made.metadata.labels?.[IMPORT_LABEL]).toBe("true");
    site.put(RESOURCES.services, { ...made, spec: { ...made.spec, selector: {} } });
    await eventually(
      () => service(site, "web")?.spec.selector?.["app.kubernetes.io/name"] === "isthmus-router",
    );
    site.remove(RESOURCES.services, "web");
    await eventually(() => service(site, "web"));
  });

  test("give their Service up to a user who writes a selector of his own into it; the routers go on for a while", async () => {
    const site = new TestSite();
    await using _ = site;
    site.install();
    await site.start({ drainMs: 300 });
    const router = await site.router();
    await eventually(() => router.config);
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    const made = await eventually(() => service(site, "web"));
    await eventually(() => router.listeners.length === 1);
    // As kubectl apply merges it: his selector beside ours; his port without a target.
    const selector = { ...made.spec.selector, app: "web" };
    site.put(RESOURCES.services, { ...made, spec: { ...made.spec, selector } });
    const his = await eventually(() => {
      const now = service(site, "web");
      return now?.metadata.labels === undefined ? now : undefined;
    });
    expect(his.spec.selector).toEqual({ app: "web" });
    expect(his.spec.ports).toEqual([{ name: "http", protocol: "TCP", port: 8080, targetPort: 8080 }]);
    expect(his.metadata).not.toHaveProperty("ownerReferences");
    expect(his.metadata.uid).toBe(made.metadata.uid ?? "");
    expect(router.config?.listeners?.[0]?.listen).toBe("${POD_IP}:10000");
    // What other clusters export is still to be had, by another Service and the same router port.
    const clusterset = await eventually(() => service(site, "web-clusterset"));
    expect(clusterset.spec.ports?.map(({ targetPort }) => targetPort)).toEqual([10_000]);
    expect(router.config?.listeners?.[0]?.listen).toBe("${POD_IP}:10000");
    router.sees([seenSite("c2")]);
    await eventually(() => service(site, "web-clusterset") === undefined);
    await eventually(() => router.config?.listeners?.length === 0);
    expect(service(site, "web")?.spec.selector).toEqual({ app: "web" });
  });

  test("whose Service its user claims under a policy keep their router port: nobody who is on the way there is refused", async () => {
    await using site = await founded();
    using keeper = new SliceKeeper(site, { "10.0.0.1": { app: "web" } });
    const router = await site.router();
    router.sees([seenSite("c2", { services: [seenService("web")] })]);
    const made = await eventually(() => service(site, "web"));
    site.put(RESOURCES.trafficPolicies, {
      metadata: { name: "web", generation: 1 },
      spec: { mode: "ActiveActive", spread: "Endpoints" },
    });
    await eventually(() => router.config?.policies?.length === 1 && router.listeners.length === 1);
    const configs = router.configs.length;
    const { labels: _, ownerReferences: __, ...metadata } = made.metadata;
    site.put(RESOURCES.services, { ...made, metadata, spec: { ...made.spec, selector: { app: "web" } } });
    await eventually(() => service(site, "web")?.metadata.annotations?.[ORIGINAL_ANNOTATION]);
    expect(service(site, "web")?.spec.ports?.[0]?.targetPort).toBe(10_000);
    await eventually(() => router.config?.services?.[0]?.endpoints.length === 1);
    for (const { listeners } of router.configs.slice(configs)) {
      const whole = listeners?.filter(({ only }) => only === undefined);
      expect(whole?.map(({ listen }) => listen)).toEqual(["${POD_IP}:10000"]);
    }
    expect(Object.keys(keeper.pods)).toHaveLength(1);
  });
});

describe("tokens", () => {
  test("bring a second site into the network, with a link to the first", async () => {
    await using c1 = await founded();
    await using c2 = await joining();
    putToken(c2, c1);
    await eventually(() => isTrue(c2.read(RESOURCES.accessTokens, "to-c1")?.status?.conditions, "Redeemed"));
    const link = c2.read(RESOURCES.links, "to-c1");
    const router = await c2.router();
    const config = await eventually(() =>
      router.config?.identity === undefined ? undefined : router.config,
    );
    expect(parseConfig(config)).toMatchObject({ ok: true });
    expect(link?.spec).toMatchObject({ cost: 4, endpoints: [{ host: "127.0.0.1", port: 7443 }] });
    expect(config.links?.[0]).toMatchObject({ name: "to-c1", cost: 4, site: link?.spec.site ?? "" });
    expect(c2.names(RESOURCES.secrets)).not.toContain("code");
    expect(c1.read(RESOURCES.accessGrants, "grant")?.status?.redemptions).toBe(1);
    const network = c1.read(RESOURCES.accessGrants, "grant")?.status?.network ?? "?";
    expect(config.identity?.network).toBe(network);
    await eventually(() => c2.read(RESOURCES.sites, "c2")?.status?.network === network);
    // Nothing secret is in a status, and the code nowhere but in its own Secret.
    const statuses = JSON.stringify(
      [c1, c2].map((site) => ["c1", "c2"].map((name) => site.read(RESOURCES.sites, name))),
    );
    expect(statuses).not.toContain("PRIVATE KEY");
    expect(JSON.stringify(c1.read(RESOURCES.accessGrants, "grant"))).not.toContain(CODE);
  }, 10_000);

  const refused: [string, Partial<AccessToken["spec"]>, string][] = [
    [
      "of another authority",
      { ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
      "WrongCA",
    ],
    ["whose issuer is away", { url: "https://127.0.0.1:1" }, "Unreachable"],
    ["whose code is missing", { codeSecret: "nothing" }, "NoCode"],
    ["of another network than it says", { network: "other" }, "OtherNetwork"],
  ];
  for (const [what, change, reason] of refused) {
    test(`${what} leave nothing behind but a clear reason`, async () => {
      await using c1 = await founded();
      await using c2 = await joining();
      putToken(c2, c1, change);
      const condition = await eventually(() =>
        conditionOf(c2.read(RESOURCES.accessTokens, "to-c1")?.status?.conditions, "Redeemed"),
      );
      expect(condition).toMatchObject({ status: "False", reason });
      expect(c2.names(RESOURCES.links)).toEqual([]);
      expect(c2.names(RESOURCES.secrets)).not.toContain("isthmus-site");
    });
  }

  test("redeemed twice fail the second time", async () => {
    await using c1 = await founded();
    await using c2 = await joining();
    await using c3 = await joining("c3");
    putToken(c2, c1);
    await eventually(() => c2.read(RESOURCES.links, "to-c1"));
    putToken(c3, c1);
    const condition = await eventually(() =>
      conditionOf(c3.read(RESOURCES.accessTokens, "to-c1")?.status?.conditions, "Redeemed"),
    );
    expect(condition).toMatchObject({ status: "False", reason: "AlreadyUsed" });
  });

  test("go on where a controller was cut off, without redeeming again", async () => {
    await using c1 = await founded();
    await using c2 = await joining();
    // The Link cannot be made, as if the controller had died before it.
    c2.api.intercept(({ method, path }) =>
      method === "POST" && path.endsWith("/links") ? new Response("{}", { status: 500 }) : undefined,
    );
    putToken(c2, c1);
    await eventually(() => c2.names(RESOURCES.secrets).includes("isthmus-site"));
    await eventually(() => c2.read(RESOURCES.links, "to-c1"));
    expect(c1.read(RESOURCES.accessGrants, "grant")?.status?.redemptions).toBe(1);
  }, 10_000);
});

test("a grant of a site that is only a member says where tokens are made", async () => {
  await using c1 = await founded();
  await using c2 = await joining();
  putToken(c2, c1);
  await eventually(() => c2.names(RESOURCES.secrets).includes("isthmus-site"));
  putGrant(c2);
  await eventually(
    () =>
      conditionOf(c2.read(RESOURCES.accessGrants, "grant")?.status?.conditions, "Ready")?.reason ===
      "NoAuthority",
  );
});

test("a router without the right token is not let in", async () => {
  await using site = await founded();
  const port = site.controller?.ports.control ?? 0;
  const answer = await fetch(`https://127.0.0.1:${port}/`, {
    headers: { authorization: "Bearer guess", upgrade: "websocket", connection: "upgrade" },
    tls: { rejectUnauthorized: false },
  });
  expect(answer.status).toBe(401);
});

test("the last word of a deleted Site is that it exports nothing", async () => {
  await using site = await founded();
  putExport(site, "web");
  const router = await site.router();
  await eventually(() => router.config?.services?.length === 1);
  site.remove(RESOURCES.sites, "c1");
  await eventually(() => router.config?.services?.length === 0);
  expect(router.config?.identity).toBeDefined();
});

/** A site that is in no network. */
async function joining(name = "c2"): Promise<TestSite> {
  const site = new TestSite();
  site.install({ name });
  await site.start();
  return site;
}

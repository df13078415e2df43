import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ServiceExplanation } from "#router/explain/explanation.ts";
import type { TestServer } from "#sandbox/apiserver/testing.ts";
import { ADMIN_PORT } from "#site/names.ts";
import { type Ran, type SiteServer, siteServer } from "../testing/site-server.ts";

const SHOP = "/api/v1/namespaces/shop";
/** Routers listen on a fixed port of their own address, so the router of this test has an address of its own. */
const POD_IP = `127.200.${(process.pid >> 8) & 255}.${process.pid & 255}`;

const EXPLANATION: ServiceExplanation = {
  service: "shop/web",
  port: 80,
  protocol: "http",
  policy: {
    mode: "Failover",
    targets: [{ cluster: "west" }, { cluster: "moon", weight: 0 }],
    failover: { minHealthyPercent: 1, rampMs: 10_000, failback: "Auto" },
    spread: "Endpoints",
    algorithm: "LeastRequest",
    retries: { attempts: 2, budgetPercent: 20 },
    timeouts: { connectMs: 1000, requestMs: 0, idleMs: 300_000, httpIdleMs: 60_000 },
    outlier: {
      enabled: true,
      consecutiveFailures: 5,
      serverErrors: false,
      baseEjectionMs: 1000,
      maxEjectionMs: 60_000,
      maxEjectedPercent: 50,
    },
  },
  tiers: [
    { tier: 0, clusters: ["east"], healthyPercent: 0, sharePercent: 0, why: "nothing of it is healthy" },
    { tier: 1, clusters: ["west"], healthyPercent: 100, sharePercent: 100, why: "tier 0 is not healthy" },
  ],
  clusters: [
    { cluster: "east", siteId: "e", local: true, tier: 0, sharePercent: 0, readyEndpoints: 0, endpoints: 1 },
    {
      cluster: "west",
      siteId: "w",
      local: false,
      tier: 1,
      cost: 2,
      sharePercent: 100,
      readyEndpoints: 1,
      endpoints: 1,
      why: "far away",
    },
  ],
  endpoints: [
    {
      endpoint: "w/1",
      name: "web-1",
      cluster: "west",
      tier: 1,
      state: "in",
      sharePercent: 100,
      weight: 1,
      inFlight: 3,
      picked: 12,
      latencyMs: 1.25,
    },
    {
      endpoint: "e/1",
      name: "web-0",
      cluster: "east",
      tier: 0,
      state: "out",
      why: "ejected",
      sharePercent: 0,
      weight: 1,
      inFlight: 0,
      picked: 0,
      ejectedForMs: 1500,
    },
  ],
  unknownTargets: ["moon"],
};

const asked: string[] = [];
const router = Bun.serve({
  hostname: POD_IP,
  port: ADMIN_PORT,
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    asked.push(`${pathname}?${searchParams.toString()}`);
    if (searchParams.get("service") === "shop/plain") return new Response("no\n", { status: 404 });
    if (searchParams.get("service") === "shop/odd") return Response.json({ hello: "world" });
    const sample = { endpoint: "w/1", steps: ["tier 0 has no healthy endpoint", "round robin in tier 1"] };
    return Response.json(searchParams.has("sample") ? { ...EXPLANATION, sample } : EXPLANATION);
  },
});
let site: SiteServer;
let t: TestServer;

beforeAll(async () => {
  site = await siteServer(["shop", "quiet"]);
  t = site.server;
  for (const name of ["shop", "quiet"]) {
    const selector = { "app.kubernetes.io/name": "isthmus-router" };
    const service = { metadata: { name: "web" }, spec: { selector, ports: [{ port: 80 }] } };
    // oxlint-disable-next-line no-await-in-loop
    await t.json("POST", `/api/v1/namespaces/${name}/services`, service);
  }
  for (const name of ["plain", "odd"]) {
    const ports = [
      { name: "a", port: 80 },
      { name: "b", port: 90 },
    ];
    // oxlint-disable-next-line no-await-in-loop
    await t.json("POST", `${SHOP}/services`, { metadata: { name }, spec: { ports } });
  }
  await routerPod("isthmus-router-0", false);
  await routerPod("isthmus-router-1", true);
});
afterAll(async () => {
  await router.stop(true);
  await site[Symbol.asyncDispose]();
});

async function routerPod(name: string, ready: boolean): Promise<void> {
  const labels = { "app.kubernetes.io/name": "isthmus-router" };
  const spec = { containers: [{ name: "router", image: "i" }] };
  await t.json("POST", `${SHOP}/pods`, { metadata: { name, labels }, spec });
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  const status = { podIP: POD_IP, phase: "Running", conditions };
  await t.json("PATCH", `${SHOP}/pods/${name}/status`, { status }, "application/merge-patch+json");
}

const run = (line: string): Promise<Ran> => site.run(`explain ${line}`);

test("who gets the traffic and why, as aligned tables in words", async () => {
  const { code, out, err } = await run("web");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toBe(`shop/web port 80 (http), as router isthmus-router-1 of site "east" decides now

Policy
  Mode        Failover: this cluster first, then the targets
  Targets     west, moon (weight 0: no new work)
  Failover    a tier is used while anything of it is healthy; a better tier comes back by itself, over 10s
  Spread      Endpoints: every ready endpoint gets the same share
  Algorithm   LeastRequest: in turn among those that keep up
  Affinity    none
  Retries     2 more, on other endpoints, for at most 20 % of the requests
  Timeouts    connect 1s, request unlimited, idle 5m, idle between requests 1m
  Outliers    out after 5 failures in a row, for 1s at first and 1m at most; never more than 50 % of a tier

Tiers
  TIER   CLUSTERS   HEALTHY   SHARE   WHY
  0      east       0 %       0 %     nothing of it is healthy
  1      west       100 %     100 %   tier 0 is not healthy

Clusters
  CLUSTER       TIER   COST   READY    SHARE   WHY
  east (here)   0      -      0 of 1   0 %     -
  west          1      2      1 of 1   100 %   far away

Endpoints
  ENDPOINT   CLUSTER   TIER   STATE   SHARE   IN-FLIGHT   CHOSEN   LATENCY   WHY
  web-1      west      1      in      100 %   3           12       1.3 ms    -
  web-0      east      0      out     0 %     0           0        -         ejected, for 2s more

No such cluster in the network now: moon
`);
});

test("one request is decided step by step, and what describes it goes to the router", async () => {
  const { out } = await run("shop/web --request --client 10.1.2.3 --header user=bob --path /a");
  expect(asked.at(-1)).toBe(
    "/v1/explain?service=shop%2Fweb&port=80&sample=1&client=10.1.2.3&path=%2Fa&header=user%3Dbob",
  );
  expect(out).toEndWith(`
One request for /a, from 10.1.2.3, with user: bob
  1. tier 0 has no healthy endpoint
  2. round robin in tier 1
`);
  const json = await run("web -o json");
  expect(JSON.parse(json.out)).toEqual(EXPLANATION as never);
});

test("it says so when clients do not come to the routers at all", async () => {
  const ports = [{ port: 80 }];
  const services: [string, object][] = [
    ["own", { app: "own" }],
    ["local", { "isthmus.dev/nobody": "true" }],
  ];
  for (const [name, selector] of services) {
    // oxlint-disable-next-line no-await-in-loop
    await t.json("POST", `${SHOP}/services`, { metadata: { name }, spec: { selector, ports } });
  }
  expect((await run("own")).out.split("\n")[1]).toBe(
    'Clients in this cluster do not pass the routers: Service "own" leads to its own pods. To let others serve it too: isthmus policy set own --mode Failover',
  );
  expect((await run("local")).out.split("\n")[1]).toContain("the mode is Local");
});

test("what goes wrong is one line with the next command", async () => {
  const cases: [line: string, code: number, error: string, hint: string][] = [
    ["nobody", 1, 'There is no Service "nobody" in namespace "shop"', "isthmus network status"],
    ["web --port 81", 1, 'Service "web" has no port 81: its ports are 80', "isthmus explain web --port 80"],
    [
      "plain --port 90",
      1,
      'have nothing to decide for "plain" port 90',
      "isthmus policy set plain --mode Failover",
    ],
    ["quiet/web", 3, 'There is no router of namespace "quiet"', "kubectl -n quiet get pods"],
    ["odd", 1, 'Router "isthmus-router-1" answered in a form', "isthmus version"],
    ["a/b/c", 2, "expected SERVICE or NAMESPACE/SERVICE", "isthmus explain --help"],
    ["web -n default", 1, 'There is no site in namespace "default"', "isthmus -n default init"],
  ];
  for (const [line, code, error, hint] of cases) {
    const ran = await run(line);
    const [first = "", second = "", ...rest] = ran.err.split("\n");
    expect({ line, code: ran.code, out: ran.out, rest }).toEqual({ line, code, out: "", rest: [""] });
    expect(first).toContain(error);
    expect(second).toContain(hint);
  }
});

test("who may not ask the pods is told which verb is missing", async () => {
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list"] }];
  const subjects = [{ kind: "User", name: "joe", apiGroup: "rbac.authorization.k8s.io" }];
  const all = rules.map((rule) => ({
    ...rule,
    resources: ["pods", "services", "sites", "customresourcedefinitions"],
  }));
  await t.json("POST", `${rbac}/clusterroles`, { metadata: { name: "look" }, rules: all });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "look" };
  await t.json("POST", `${rbac}/clusterrolebindings`, { metadata: { name: "look" }, roleRef, subjects });
  const { code, err } = await run("web --context joe");
  expect(code).toBe(1);
  expect(err).toContain(
    'Not allowed to ask a router of namespace "shop": the verb "get" on "pods/proxy" is missing',
  );
  expect(err).toContain("kubectl --context joe create role ask-routers --verb=get --resource=pods/proxy");
});

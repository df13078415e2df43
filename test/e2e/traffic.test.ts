import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Deployment, Pod, Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import type { HttpTarget } from "../../bench/lib/http-connection.ts";
import { ask, once, untilShares } from "../lib/asking.ts";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { Playground } from "./lib/playground.ts";

/*
 * Scenarios from practice that need Kubernetes: pods come and go by scaling Deployments, policies by the CLI. t1 has the
 * clients and a Service "web" of its own, t2 and t3 export theirs. test/traffic has the same on routers alone.
 */

const APP = { namespace: "default", name: "web" };
const PORT = 8080;
const SITES = ["t1", "t2", "t3"] as const;
type Site = (typeof SITES)[number];

let playground: Playground;
let target: HttpTarget;
const clients = new Map<Site, KubeClient>();

beforeAll(async () => {
  playground = new Playground();
  await playground.must("sandbox", "up", ...SITES);
  const path = (await playground.must("sandbox", "kubeconfig")).trim();
  for (const site of SITES) {
    clients.set(site, new KubeClient(loadKubeconfig({ path, context: `sandbox-${site}` })));
  }
  await Promise.all(SITES.map((site) => must(site, "init")));
  for (const site of ["t2", "t3"] as const) {
    const token = playground.file(`${site}.yaml`);
    await must("t1", "token", "create", token);
    await must(site, "link", "create", token);
  }
  await Promise.all(SITES.map(deploy));
  for (const site of ["t2", "t3"] as const) await must(site, "expose", `service/${APP.name}`);
  const service = await client("t1").find<Service>(RESOURCES.services, APP);
  target = { hostname: service?.spec.clusterIP ?? "", port: PORT };
  await scale("t2", 1);
  await scale("t3", 1);
}, 120_000);

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
}, 60_000);

test("5: mode Local without local pods: refused", async () => {
  await policy("--mode", "Local");
  const { failure, status } = await once(target);
  console.log(`figure: scenario 5 in clusters: ${failure === "" ? status : failure}`);
  expect(failure).toBe("connect");
}, 60_000);

test("6: Failover: t2 and t3 in turn, only local once deployed, t2 and t3 again at local 0, no failed request", async () => {
  await policy("--mode", "Failover", "--ramp", "1s");
  await untilShares(target, (shares) => Object.keys(shares).length === 2);
  const before = await ask(target, { times: 100 });
  expect(Object.values(before)).toEqual([50, 50]);
  await using load = new Load({ target, perSecond: 100, connections: 10 });
  const own = await scale("t1", 2);
  await untilShares(target, (shares) => Object.keys(shares).every((pod) => own.includes(pod)));
  const localMs = performance.now();
  await Bun.sleep(1000);
  const goneMs = performance.now();
  await scale("t1", 0);
  await Bun.sleep(1500);
  await load.stop();
  const after = await ask(target, { times: 100 });
  const between = byPod(load.between(localMs + 100, goneMs));
  console.log(
    `figure: scenario 6 in clusters: ${JSON.stringify({ before, between, after })}; under load ${figureOf(load.requests)}`,
  );
  expect(Object.keys(between)).toEqual(own.toSorted());
  expect(after).toEqual(before);
  expect(byFailure(load.requests)).toEqual({});
}, 90_000);

test("8: the pods of t3 are doubled: shares follow, no failed request", async () => {
  await policy("--mode", "ActiveActive");
  await scale("t3", 2);
  await untilShares(target, (shares) => Object.keys(shares).length === 3, { times: 30 });
  await using load = new Load({ target, perSecond: 100, connections: 10 });
  await scale("t3", 4);
  const ms = await untilShares(target, (shares) => Object.keys(shares).length === 5, { times: 30 });
  await load.stop();
  const shares = await ask(target, { times: 500 });
  console.log(
    `figure: scenario 8 in clusters: ${JSON.stringify(Object.values(shares))}, ${ms.toFixed(0)} ms after the pods were ready; ${figureOf(load.requests)}`,
  );
  expect(Object.values(shares)).toEqual([100, 100, 100, 100, 100]);
  expect(byFailure(load.requests)).toEqual({});
  await scale("t3", 1);
}, 90_000);

test("9: halves by weight between here and t2, then the side of t2 goes: all from here, no failed request", async () => {
  const own = await scale("t1", 2);
  await policy("--mode", "ActiveActive", "--spread", "Weighted", "--target", "t1=50", "--target", "t2=50");
  await untilShares(target, (shares) => Object.keys(shares).length === 3);
  const before = await ask(target, { times: 400 });
  const here = own.map((pod) => before[pod]);
  await using load = new Load({ target, perSecond: 100, connections: 10 });
  await Bun.sleep(300);
  await scale("t2", 0);
  await untilShares(target, (shares) => Object.keys(shares).length === 2);
  await load.stop();
  const after = await ask(target, { times: 400 });
  console.log(
    `figure: scenario 9 in clusters: ${JSON.stringify({ before, after })}; under load ${figureOf(load.requests)}`,
  );
  expect(here).toEqual([100, 100]);
  expect(Object.keys(before).length).toBe(3);
  expect(after).toEqual(Object.fromEntries(own.map((pod) => [pod, 200])));
  expect(byFailure(load.requests)).toEqual({});
}, 90_000);

test("the policy goes: the Service is what it was", async () => {
  await must("t1", "policy", "delete", APP.name);
  const endMs = performance.now() + 10_000;
  const look = async (): Promise<Service | undefined> => client("t1").find<Service>(RESOURCES.services, APP);
  while ((await look())?.spec.selector?.["app"] !== APP.name && performance.now() < endMs)
    await Bun.sleep(50);
  const service = await look();
  expect(service?.spec.selector).toEqual({ app: APP.name });
  expect(service?.spec.ports?.map(({ port, targetPort }) => [port, targetPort])).toEqual([[PORT, PORT]]);
}, 30_000);

function client(site: Site): KubeClient {
  const found = clients.get(site);
  if (found === undefined) throw new Error(`no client of ${site}`);
  return found;
}

function must(site: Site, ...words: string[]): Promise<string> {
  return playground.must(...words, "--context", `sandbox-${site}`);
}

async function policy(...words: string[]): Promise<void> {
  await must("t1", "policy", "set", APP.name, ...words);
}

/** The app with no pods, and its Service. */
async function deploy(site: Site): Promise<void> {
  const labels = { app: APP.name };
  const container = {
    name: "web",
    image: "isthmus/echo:1",
    ports: [{ containerPort: PORT }],
    readinessProbe: { httpGet: { path: "/healthz", port: PORT }, periodSeconds: 1 },
  };
  await client(site).create<Deployment>(RESOURCES.deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...APP, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  });
  await client(site).create<Service>(RESOURCES.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: APP,
    spec: { selector: labels, ports: [{ port: PORT, targetPort: PORT, appProtocol: "http" }] },
  });
}

/** Resolves with the names of the pods when so many are ready, and no more than these are left. */
async function scale(site: Site, replicas: number): Promise<string[]> {
  await client(site).patch<Deployment>(RESOURCES.deployments, {
    ...APP,
    type: "merge",
    body: { spec: { replicas } },
  });
  const endMs = performance.now() + 30_000;
  for (;;) {
    const { items } = await client(site).list<Pod>(RESOURCES.pods, { namespace: APP.namespace });
    const pods = items.filter(({ metadata }) => metadata.labels?.["app"] === APP.name);
    const ready = pods.filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"),
    );
    if (pods.length === replicas && ready.length === replicas)
      return pods.map(({ metadata }) => metadata.name);
    if (performance.now() > endMs) throw new Error(`${ready.length} of ${replicas} pods ready in ${site}`);
    await Bun.sleep(20);
  }
}

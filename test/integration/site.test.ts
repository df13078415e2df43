import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";

/*
 * Three clusters, their site controllers and routers as real processes: c2 and c3 link to c1 and export an echo service,
 * clients are in c1. The tests build on each other in this order.
 */

const CLUSTERS = ["c1", "c2", "c3"] as const;
const namespace = "default";
const ref = (name: string): { namespace: string; name: string } => ({ namespace, name });

const clusters = new LinkedClusters(...CLUSTERS);
let address = "";

/** Requests per pod, one connection each. */
async function requests(count: number): Promise<Map<string, number>> {
  const pods = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const answer = await fetch(`http://${address}:8080/`, {
      keepalive: false,
      signal: AbortSignal.timeout(3000),
    });
    const { pod, cluster } = (await answer.json()) as { pod: string; cluster: string };
    const key = `${cluster}/${pod}`;
    pods.set(key, (pods.get(key) ?? 0) + 1);
  }
  return pods;
}

beforeAll(async () => {
  await clusters.up();
  for (const cluster of ["c2", "c3"] as const) {
    await clusters.deploy(cluster, "web");
    await clusters.isthmus(cluster, "expose", "deployment/web", "--port", "8080");
  }
}, 60_000);

afterAll(async () => {
  await clusters.down();
}, 30_000);

test("a service that two clusters export appears in the third, and every pod gets its share", async () => {
  const service = await eventually(() => clusters.client("c1").find(RESOURCES.services, ref("web")));
  address = service.spec.clusterIP ?? "";
  await eventually(async () => {
    const found = await clusters.client("c1").find(RESOURCES.serviceImports, ref("web"));
    return found?.status?.clusters?.map(({ cluster }) => cluster).join() === "c2,c3";
  });
  await eventually(async () => (await requests(2)).size === 2);
  expect([...(await requests(100)).values()]).toEqual([50, 50]);
}, 30_000);

test("a pod that comes is used within a moment, and so is one that goes not", async () => {
  await clusters.scale("c3", "web", 2);
  await eventually(async () => (await requests(3)).size === 3);
  expect([...(await requests(90)).values()]).toEqual([30, 30, 30]);
  await clusters.scale("c3", "web", 0);
  await eventually(async () => (await requests(4)).size === 1);
  expect([...(await requests(20)).keys()].every((key) => key.startsWith("c2/"))).toBe(true);
  await clusters.scale("c3", "web", 1);
  await eventually(async () => (await requests(2)).size === 2);
}, 30_000);

test("a controller that is killed loses nothing: traffic flows on, and what changed meanwhile is seen afterwards", async () => {
  const before = await clusters.client("c1").get(RESOURCES.services, ref("web"));
  const [pid] = clusters.pidsOf("c1", "controller run");
  if (pid === undefined) throw new Error("The controller of c1 is not there");
  process.kill(pid, "SIGKILL");
  await clusters.scale("c2", "web", 2);
  expect((await requests(20)).size).toBeGreaterThan(1);
  await eventually(async () => (await requests(3)).size === 3);
  const after = await eventually(async () =>
    clusters.pidsOf("c1", "controller run").find((other) => other !== pid),
  );
  expect(after).not.toBe(pid);
  // It leads again when the lease of the one that died has run out.
  await clusters.isthmus("c3", "unexpose", "deployment/web");
  await eventually(async () => {
    const found = await clusters.client("c1").find(RESOURCES.serviceImports, ref("web"));
    return found?.status?.clusters?.map(({ cluster }) => cluster).join() === "c2";
  }, 20_000);
  const service = await clusters.client("c1").get(RESOURCES.services, ref("web"));
  expect(service.metadata.uid).toBe(before.metadata.uid ?? "");
  expect(service.spec.ports).toEqual(before.spec.ports ?? []);
  expect((await requests(20)).size).toBe(2);
}, 60_000);

test("routers that are killed come back by themselves", async () => {
  for (const pid of clusters.pidsOf("c1", "router run")) process.kill(pid, "SIGKILL");
  await eventually(async () => {
    try {
      return (await requests(4)).size === 2;
    } catch {
      return false;
    }
  });
}, 30_000);

test("with the last export the service goes everywhere", async () => {
  await clusters.isthmus("c2", "unexpose", "deployment/web");
  for (const cluster of ["c1", "c3"] as const) {
    await eventually(
      async () => (await clusters.client(cluster).find(RESOURCES.serviceImports, ref("web"))) === undefined,
    );
    expect(await clusters.client(cluster).find(RESOURCES.services, ref("web"))).toBeUndefined();
  }
}, 30_000);

test("no secret is in any status, log or command line", async () => {
  const code = /code: (\S+)/.exec(readFileSync(clusters.playground.file("c2.yaml"), "utf8"))?.[1] ?? "";
  expect(code.length).toBeGreaterThan(30);
  const control = await clusters.client("c1").get(RESOURCES.secrets, ref("isthmus-control"));
  const token = Buffer.from(control.data?.["token"] ?? "", "base64").toString();
  expect(token.length).toBeGreaterThan(30);
  const texts: string[] = [];
  const kinds: ResourceDef[] = [
    RESOURCES.sites,
    RESOURCES.links,
    RESOURCES.accessGrants,
    RESOURCES.accessTokens,
  ];
  for (const def of kinds) {
    for (const cluster of CLUSTERS)
      texts.push(JSON.stringify((await clusters.client(cluster).list(def, { namespace })).items));
  }
  for (const pid of clusters.playground.processes()) {
    try {
      texts.push(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    } catch {
      // It ended meanwhile.
    }
  }
  for await (const path of new Bun.Glob("**/*.log").scan(`${clusters.playground.home}/sandbox`)) {
    texts.push(readFileSync(`${clusters.playground.home}/sandbox/${path}`, "utf8"));
  }
  const all = texts.join("\n");
  for (const secret of [code, token, "PRIVATE KEY"]) expect(all.includes(secret)).toBe(false);
}, 20_000);

test("a site that is taken out leaves nothing of it behind", async () => {
  await clusters.isthmus("c2", "uninstall");
  const left: string[] = [];
  const kinds: ResourceDef[] = [
    RESOURCES.sites,
    RESOURCES.links,
    RESOURCES.serviceImports,
    RESOURCES.secrets,
    RESOURCES.deployments,
  ];
  for (const def of kinds) {
    const { items } = await clusters.client("c2").list(def, { namespace });
    left.push(...items.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  }
  expect(left.filter((name) => name.includes("isthmus") || !/^(Secret|Deployment)/.test(name))).toEqual([]);
}, 40_000);

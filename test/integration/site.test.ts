import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Deployment } from "#api/builtin.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../e2e/lib/playground.ts";

/*
 * Three clusters, their site controllers and routers as real processes: c2 and c3 link to c1 and export an echo service,
 * clients are in c1. The tests build on each other in this order.
 */

const CLUSTERS = ["c1", "c2", "c3"] as const;
type Cluster = (typeof CLUSTERS)[number];
const namespace = "default";
const ref = (name: string): { namespace: string; name: string } => ({ namespace, name });

const playground = new Playground();
const clients = new Map<Cluster, KubeClient>();
let address = "";

function client(cluster: Cluster): KubeClient {
  const found = clients.get(cluster);
  if (found === undefined) throw new Error(`No client of ${cluster}`);
  return found;
}

async function eventually<T>(look: () => Promise<T | undefined | false>, timeoutMs = 15_000): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`Still waiting for: ${look.toString()}`);
    await Bun.sleep(20);
  }
}

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

async function scale(cluster: Cluster, replicas: number): Promise<void> {
  await client(cluster).patch<Deployment>(RESOURCES.deployments, {
    ...ref("web"),
    type: "merge",
    body: { spec: { replicas } },
  });
}

function isthmus(cluster: Cluster, ...words: string[]): Promise<string> {
  return playground.must("--context", `sandbox-${cluster}`, ...words);
}

/** Pids of a command in the pods of one cluster. */
function pidsOf(cluster: Cluster, words: string): number[] {
  return playground.processes().filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      return (
        command.includes(words) &&
        readFileSync(`/proc/${pid}/environ`, "latin1").includes(`/sandbox/${cluster}/`)
      );
    } catch {
      return false;
    }
  });
}

beforeAll(async () => {
  await playground.must("sandbox", "up", ...CLUSTERS);
  const path = (await playground.must("sandbox", "kubeconfig")).trim();
  for (const cluster of CLUSTERS) {
    clients.set(cluster, new KubeClient(loadKubeconfig({ path, context: `sandbox-${cluster}` })));
  }
  await Promise.all(CLUSTERS.map((cluster) => isthmus(cluster, "init")));
  for (const cluster of ["c2", "c3"] as const) {
    const token = playground.file(`${cluster}.yaml`);
    await isthmus("c1", "token", "create", token);
    await isthmus(cluster, "link", "create", token);
    const labels = { app: "web" };
    await client(cluster).create<Deployment>(RESOURCES.deployments, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...ref("web"), labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: "web", image: "isthmus/echo:1", ports: [{ containerPort: 8080 }] }] },
        },
      },
    });
    await isthmus(cluster, "expose", "deployment/web", "--port", "8080");
  }
}, 60_000);

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
}, 30_000);

test("a service that two clusters export appears in the third, and every pod gets its share", async () => {
  const service = await eventually(() => client("c1").find(RESOURCES.services, ref("web")));
  address = service.spec.clusterIP ?? "";
  await eventually(async () => {
    const found = await client("c1").find(RESOURCES.serviceImports, ref("web"));
    return found?.status?.clusters?.map(({ cluster }) => cluster).join() === "c2,c3";
  });
  await eventually(async () => (await requests(2)).size === 2);
  expect([...(await requests(100)).values()]).toEqual([50, 50]);
}, 30_000);

test("a pod that comes is used within a moment, and so is one that goes not", async () => {
  await scale("c3", 2);
  await eventually(async () => (await requests(3)).size === 3);
  expect([...(await requests(90)).values()]).toEqual([30, 30, 30]);
  await scale("c3", 0);
  await eventually(async () => (await requests(4)).size === 1);
  expect([...(await requests(20)).keys()].every((key) => key.startsWith("c2/"))).toBe(true);
  await scale("c3", 1);
  await eventually(async () => (await requests(2)).size === 2);
}, 30_000);

test("a controller that is killed loses nothing: traffic flows on, and what changed meanwhile is seen afterwards", async () => {
  const before = await client("c1").get(RESOURCES.services, ref("web"));
  const [pid] = pidsOf("c1", "controller run");
  if (pid === undefined) throw new Error("The controller of c1 is not there");
  process.kill(pid, "SIGKILL");
  await scale("c2", 2);
  expect((await requests(20)).size).toBeGreaterThan(1);
  await eventually(async () => (await requests(3)).size === 3);
  const after = await eventually(async () => pidsOf("c1", "controller run").find((other) => other !== pid));
  expect(after).not.toBe(pid);
  // It leads again when the lease of the one that died has run out.
  await isthmus("c3", "unexpose", "deployment/web");
  await eventually(async () => {
    const found = await client("c1").find(RESOURCES.serviceImports, ref("web"));
    return found?.status?.clusters?.map(({ cluster }) => cluster).join() === "c2";
  }, 20_000);
  const service = await client("c1").get(RESOURCES.services, ref("web"));
  expect(service.metadata.uid).toBe(before.metadata.uid ?? "");
  expect(service.spec.ports).toEqual(before.spec.ports ?? []);
  expect((await requests(20)).size).toBe(2);
}, 60_000);

test("routers that are killed come back by themselves", async () => {
  for (const pid of pidsOf("c1", "router run")) process.kill(pid, "SIGKILL");
  await eventually(async () => {
    try {
      return (await requests(4)).size === 2;
    } catch {
      return false;
    }
  });
}, 30_000);

test("with the last export the service goes everywhere", async () => {
  await isthmus("c2", "unexpose", "deployment/web");
  for (const cluster of ["c1", "c3"] as const) {
    await eventually(
      async () => (await client(cluster).find(RESOURCES.serviceImports, ref("web"))) === undefined,
    );
    expect(await client(cluster).find(RESOURCES.services, ref("web"))).toBeUndefined();
  }
}, 30_000);

test("no secret is in any status, log or command line", async () => {
  const code = /code: (\S+)/.exec(readFileSync(playground.file("c2.yaml"), "utf8"))?.[1] ?? "";
  expect(code.length).toBeGreaterThan(30);
  const control = await client("c1").get(RESOURCES.secrets, ref("isthmus-control"));
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
      texts.push(JSON.stringify((await client(cluster).list(def, { namespace })).items));
  }
  for (const pid of playground.processes()) {
    try {
      texts.push(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    } catch {
      // It ended meanwhile.
    }
  }
  for await (const path of new Bun.Glob("**/*.log").scan(`${playground.home}/sandbox`)) {
    texts.push(readFileSync(`${playground.home}/sandbox/${path}`, "utf8"));
  }
  const all = texts.join("\n");
  for (const secret of [code, token, "PRIVATE KEY"]) expect(all.includes(secret)).toBe(false);
}, 20_000);

test("a site that is taken out leaves nothing of it behind", async () => {
  await isthmus("c2", "uninstall");
  const left: string[] = [];
  const kinds: ResourceDef[] = [
    RESOURCES.sites,
    RESOURCES.links,
    RESOURCES.serviceImports,
    RESOURCES.secrets,
    RESOURCES.deployments,
  ];
  for (const def of kinds) {
    const { items } = await client("c2").list(def, { namespace });
    left.push(...items.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  }
  expect(left.filter((name) => name.includes("isthmus") || !/^(Secret|Deployment)/.test(name))).toEqual([]);
}, 40_000);

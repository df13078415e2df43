import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Service } from "#api/builtin.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { isTrue } from "#api/object.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";

/*
 * Two clusters that both have the service web; clients are in c1. A policy leads the clients of c1's own Service through the routers
 * and back, under load, and no request may fail at any moment. The tests build on each other in this order.
 */

const CLUSTERS = ["c1", "c2"] as const;
const namespace = "default";
const ref = (name: string): { namespace: string; name: string } => ({ namespace, name });

const clusters = new LinkedClusters(...CLUSTERS);
let address = "";
let written = "";

/** Asks without pause, on a new connection each time, while `during` runs: answers by cluster, and failures. */
async function underLoad(
  during: () => Promise<void>,
): Promise<{ counts: Record<string, number>; failed: string[] }> {
  const counts: Record<string, number> = {};
  const failed: string[] = [];
  const going = { on: true };
  const ask = async (): Promise<void> => {
    while (going.on) {
      try {
        const answer = await fetch(`http://${address}:8080/`, {
          keepalive: false,
          signal: AbortSignal.timeout(5000),
        });
        const { cluster } = (await answer.json()) as { cluster: string };
        counts[cluster] = (counts[cluster] ?? 0) + 1;
      } catch (error) {
        failed.push(String(error));
      }
      await Bun.sleep(2);
    }
  };
  const asking = [ask(), ask(), ask()];
  try {
    await during();
  } finally {
    going.on = false;
    await Promise.all(asking);
  }
  return { counts, failed };
}

async function service(): Promise<Service> {
  return await clusters.client("c1").get(RESOURCES.services, ref("web"));
}

async function isTaken(): Promise<boolean> {
  return (await service()).metadata.annotations?.["isthmus.dev/original"] !== undefined;
}

/** What the user wrote, as it is in the cluster. */
async function own(): Promise<string> {
  const { spec, metadata } = await service();
  return JSON.stringify({ selector: spec.selector, ports: spec.ports, annotations: metadata.annotations });
}

async function setPolicy(spec: Partial<TrafficPolicy["spec"]>, name = "web"): Promise<void> {
  await clusters.client("c1").apply(RESOURCES.trafficPolicies, {
    apiVersion: apiVersionOf(RESOURCES.trafficPolicies),
    kind: "TrafficPolicy",
    metadata: ref(name),
    spec,
  });
}

async function inForce(): Promise<void> {
  await eventually(async () => {
    const { metadata, status } = await clusters.client("c1").get(RESOURCES.trafficPolicies, ref("web"));
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    return isTrue(status?.conditions, "Ready") && ready?.observedGeneration === metadata.generation;
  });
}

function killController(): void {
  const [pid] = clusters.pidsOf("c1", "controller run");
  if (pid === undefined) throw new Error("The controller of c1 is not there");
  process.kill(pid, "SIGKILL");
}

beforeAll(async () => {
  await clusters.up();
  for (const cluster of CLUSTERS) await clusters.deploy(cluster, "web");
  const made = await clusters.client("c1").create<Service>(RESOURCES.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: ref("web"),
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 8080 }] },
  });
  address = made.spec.clusterIP ?? "";
  await clusters.isthmus("c2", "expose", "deployment/web", "--port", "8080");
  await clusters.isthmus("c2", "expose", "deployment/web", "--port", "8080", "--name", "other");
  await eventually(async () => await clusters.client("c1").find(RESOURCES.serviceImports, ref("web")));
  await eventually(async () => {
    try {
      return (await fetch(`http://${address}:8080/`, { keepalive: false })).ok;
    } catch {
      return false;
    }
  });
  written = await own();
}, 60_000);

afterAll(async () => {
  await clusters.down();
}, 30_000);

test("a policy brings the other cluster in beside the Service's own pods, and no request fails on the way", async () => {
  const { counts, failed } = await underLoad(async () => {
    await setPolicy({ mode: "ActiveActive" });
    await inForce();
    await Bun.sleep(1000);
  });
  console.info("taken over:", counts, "failed:", failed.length);
  expect(failed).toEqual([]);
  expect(counts["c1"]).toBeGreaterThan(0);
  expect(counts["c2"]).toBeGreaterThan(0);
  expect(await isTaken()).toBe(true);
  const { status } = await eventually(async () => {
    const policy = await clusters.client("c1").get<TrafficPolicy>(RESOURCES.trafficPolicies, ref("web"));
    return policy.status?.summary === "c1 50%, c2 50%" ? policy : undefined;
  });
  expect(status?.shares?.flatMap(({ endpoints }) => endpoints?.map(({ percent }) => percent))).toEqual([
    50, 50,
  ]);
}, 30_000);

test("editing the policy to Local puts the Service back as it was, and no request fails", async () => {
  const { counts, failed } = await underLoad(async () => {
    await setPolicy({ mode: "Local" });
    await eventually(async () => !(await isTaken()));
    await Bun.sleep(1000);
  });
  console.info("put back:", counts, "failed:", failed.length);
  expect(failed).toEqual([]);
  expect(await own()).toBe(written);
  await setPolicy({ mode: "ActiveActive" });
  await eventually(isTaken);
}, 30_000);

test("a controller that is killed while the policy goes away puts the Service back when it is there again", async () => {
  const { counts, failed } = await underLoad(async () => {
    killController();
    await clusters.client("c1").delete(RESOURCES.trafficPolicies, ref("web"));
    await eventually(async () => !(await isTaken()), 25_000);
    await Bun.sleep(500);
  });
  console.info("after the kill:", counts, "failed:", failed.length);
  expect(failed).toEqual([]);
  expect(await own()).toBe(written);
}, 40_000);

test("mode Local refuses the clients of a service that is only imported, and any other mode lets them in", async () => {
  const { spec } = await eventually(async () => {
    const found = await clusters.client("c1").find<Service>(RESOURCES.services, ref("other"));
    return found?.spec.clusterIP === undefined ? undefined : found;
  });
  const ask = async (): Promise<string> => {
    try {
      const options = { keepalive: false, signal: AbortSignal.timeout(1000) };
      const answer = await fetch(`http://${spec.clusterIP ?? ""}:8080/`, options);
      return ((await answer.json()) as { cluster: string }).cluster;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  };
  await eventually(async () => (await ask()) === "c2");
  await setPolicy({ mode: "Local" }, "other");
  await eventually(async () => (await ask()) === "ECONNREFUSED");
  await setPolicy({ mode: "Failover" }, "other");
  await eventually(async () => (await ask()) === "c2");
}, 30_000);

test("a user who applies a Service over an imported one gets it, and under the policy both work together", async () => {
  const { spec, ...rest } = await clusters.client("c1").get<Service>(RESOURCES.services, ref("other"));
  // What kubectl apply makes of it: his selector beside what is there, his port merged by number.
  await clusters.client("c1").patch<Service>(RESOURCES.services, {
    ...ref("other"),
    type: "merge",
    body: { spec: { selector: { app: "web" } } },
  });
  const other = await eventually(async () => {
    const now = await clusters.client("c1").get<Service>(RESOURCES.services, ref("other"));
    return now.metadata.annotations?.["isthmus.dev/original"] === undefined ? undefined : now;
  });
  expect(other.metadata.uid).toBe(rest.metadata.uid ?? "");
  expect(other.spec.clusterIP).toBe(spec.clusterIP ?? "");
  expect(other.spec.ports?.[0]?.targetPort).toBe(spec.ports?.[0]?.targetPort ?? 0);
  await clusters.client("c1").delete(RESOURCES.trafficPolicies, ref("other"));
  const his = await eventually(async () => {
    const now = await clusters.client("c1").get<Service>(RESOURCES.services, ref("other"));
    return now.metadata.annotations?.["isthmus.dev/original"] === undefined ? now : undefined;
  });
  expect(his.spec.selector).toEqual({ app: "web" });
  expect(his.spec.ports?.[0]?.targetPort).toBe(8080);
}, 30_000);

test("uninstall leaves the Service as its user wrote it, and no request fails", async () => {
  await setPolicy({ mode: "ActiveActive" });
  await inForce();
  const { counts, failed } = await underLoad(async () => {
    await clusters.playground.must("--context", "sandbox-c1", "uninstall");
    await Bun.sleep(500);
  });
  console.info("uninstalled:", counts, "failed:", failed.length);
  expect(failed).toEqual([]);
  expect(await own()).toBe(written);
  const { items } = await clusters.client("c1").list<Service>(RESOURCES.services, { namespace });
  expect(items.map(({ metadata }) => metadata.name).filter((name) => name.includes("isthmus"))).toEqual([]);
}, 60_000);

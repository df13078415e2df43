import { describe, expect, test } from "bun:test";
import { echoDeployment, TestCluster } from "../testing.ts";
import type { EndpointSlice, Pod, StatefulSet } from "../types.ts";

const SETS = "statefulsets.apps";

function stateful(name: string, spec: Record<string, unknown> = {}): Parameters<TestCluster["apply"]>[1] {
  const { spec: like } = echoDeployment(name, { container: {} });
  const { selector, template } = like as { selector: object; template: object };
  const metadata = { name, namespace: "default" };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata,
    spec: { serviceName: name, selector, template, ...spec },
  };
}

/** What came and went, in order: `+web-0`, `-web-1`. */
function follow(cluster: TestCluster): string[] {
  const seen: string[] = [];
  cluster.api.watch("pods", (type, pod) => {
    if (type === "ADDED") seen.push(`+${pod.metadata.name}`);
    if (type === "DELETED") seen.push(`-${pod.metadata.name}`);
  });
  return seen;
}

const ready =
  (count: number, more: (set: StatefulSet) => boolean = () => true) =>
  (set: StatefulSet | undefined): boolean =>
    set?.status?.readyReplicas === count &&
    set.status.replicas === count &&
    set.status.observedGeneration === set.metadata.generation &&
    more(set);

const rolledOut = ready(3, ({ status }) => status?.currentRevision === status?.updateRevision);

function change(cluster: TestCluster, name: string, fn: (spec: StatefulSet["spec"]) => void): void {
  cluster.api.mutate(SETS, "default", name, (draft) => {
    fn((draft as StatefulSet).spec);
    return draft;
  });
}

const setEnv = (value: string) => (spec: StatefulSet["spec"]) => {
  for (const container of spec.template.spec.containers) container.env = [{ name: "V", value }];
};

const pod = (cluster: TestCluster, name: string): Pod | undefined =>
  cluster.api.get("pods", "default", name) as Pod | undefined;

const valueIn = (cluster: TestCluster, name: string): string | undefined =>
  pod(cluster, name)?.spec.containers[0]?.env?.[0]?.value;

describe("a StatefulSet", () => {
  test("makes its pods one after the other, and takes them away from the end", async () => {
    await using cluster = new TestCluster(221);
    const seen = follow(cluster);
    const waited: boolean[] = [];
    cluster.api.watch("pods", (type, { metadata }) => {
      const before = { "web-1": "web-0", "web-2": "web-1" }[metadata.name];
      if (type !== "ADDED" || before === undefined) return;
      const conditions = pod(cluster, before)?.status?.conditions ?? [];
      waited.push(conditions.some((each) => each.type === "Ready" && each.status === "True"));
    });
    cluster.apply(SETS, stateful("web", { replicas: 3 }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(3));
    expect(seen).toEqual(["+web-0", "+web-1", "+web-2"]);
    expect(waited).toEqual([true, true]);
    expect(pod(cluster, "web-1")?.metadata.labels).toMatchObject({
      "statefulset.kubernetes.io/pod-name": "web-1",
      "apps.kubernetes.io/pod-index": "1",
    });
    change(cluster, "web", (spec) => (spec.replicas = 1));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(1));
    expect(seen.slice(3)).toEqual(["-web-2", "-web-1"]);
  });

  test("with Parallel makes and takes away all at once", async () => {
    await using cluster = new TestCluster(222);
    const start = { start: 5 };
    cluster.apply(SETS, stateful("web", { replicas: 3, podManagementPolicy: "Parallel", ordinals: start }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, (set) => set?.status?.replicas === 3);
    const names = (): string[] =>
      cluster.api
        .list("pods")
        .map(({ metadata }) => metadata.name)
        .toSorted();
    expect(names()).toEqual(["web-5", "web-6", "web-7"]);
    change(cluster, "web", (spec) => (spec.replicas = 0));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(0));
    expect(names()).toEqual([]);
  });

  test("names its pods for DNS: hostname in the slice of its Service, and of no other", async () => {
    await using cluster = new TestCluster(223);
    for (const name of ["web", "other"]) {
      const spec = { clusterIP: "None", selector: { app: "web" }, ports: [{ name: "http", port: 8080 }] };
      cluster.apply("services", {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default" },
        spec,
      });
    }
    cluster.apply(SETS, stateful("web", { replicas: 2 }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(2));
    const hostnames = (service: string): unknown[] =>
      (cluster.api.list("endpointslices.discovery.k8s.io") as EndpointSlice[])
        .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service)
        .flatMap(({ endpoints }) => endpoints.map(({ hostname }) => hostname));
    expect(hostnames("web")).toEqual(["web-0", "web-1"]);
    expect(hostnames("other")).toEqual([undefined, undefined]);
  });

  test("rolls a new template out from the end, one ready pod at a time, and makes the old one again", async () => {
    await using cluster = new TestCluster(224);
    const seen = follow(cluster);
    cluster.apply(SETS, stateful("web", { replicas: 3 }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, rolledOut);
    const first = (cluster.api.get(SETS, "default", "web") as StatefulSet).status?.currentRevision;
    seen.length = 0;
    change(cluster, "web", setEnv("2"));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, rolledOut);
    expect(seen).toEqual(["-web-2", "+web-2", "-web-1", "+web-1", "-web-0", "+web-0"]);
    expect(valueIn(cluster, "web-0")).toBe("2");
    change(cluster, "web", (spec) => {
      for (const container of spec.template.spec.containers) delete container.env;
    });
    await cluster.until<StatefulSet>(
      { resource: SETS, name: "web" },
      (set) => rolledOut(set) && set?.status?.currentRevision === first,
    );
    const revisions = cluster.api
      .list("controllerrevisions.apps")
      .map((each) => [each.metadata.name === first, each["revision"]]);
    expect(revisions.toSorted((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      [false, 2],
      [true, 3],
    ]);
  });

  test("leaves the pods below the partition as they were, also when they are made anew", async () => {
    await using cluster = new TestCluster(225);
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 2 } };
    cluster.apply(SETS, stateful("web", { replicas: 3, updateStrategy }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(3));
    change(cluster, "web", setEnv("2"));
    await cluster.until<StatefulSet>(
      { resource: SETS, name: "web" },
      ready(3, ({ status }) => status?.updatedReplicas === 1),
    );
    const before = pod(cluster, "web-0")?.metadata.uid;
    cluster.api.delete("pods", "default", "web-0");
    await cluster.until<StatefulSet>(
      { resource: SETS, name: "web" },
      (set) => ready(3)(set) && pod(cluster, "web-0")?.metadata.uid !== before,
    );
    expect([0, 1, 2].map((n) => valueIn(cluster, `web-${n}`))).toEqual([undefined, undefined, "2"]);
  });

  test("with OnDelete replaces nothing by itself", async () => {
    await using cluster = new TestCluster(226);
    cluster.apply(SETS, stateful("web", { replicas: 2, updateStrategy: { type: "OnDelete" } }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(2));
    change(cluster, "web", setEnv("2"));
    cluster.api.delete("pods", "default", "web-0");
    await cluster.until<StatefulSet>(
      { resource: SETS, name: "web" },
      ready(2, ({ status }) => status?.updatedReplicas === 1),
    );
    expect([0, 1].map((n) => valueIn(cluster, `web-${n}`))).toEqual(["2", undefined]);
  });

  test("waits for a name that another's pod has, and says so", async () => {
    await using cluster = new TestCluster(227);
    const metadata = { name: "web-0", namespace: "default" };
    const spec = {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "a", image: "any", command: ["sleep", "1000"] }],
    };
    cluster.apply("pods", { apiVersion: "v1", kind: "Pod", metadata, spec });
    cluster.apply(SETS, stateful("web"));
    await cluster.until({ resource: "events", name: "any" }, () =>
      cluster.api.list("events").some((event) => event["reason"] === "FailedCreate"),
    );
    cluster.api.delete("pods", "default", "web-0");
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(1));
    expect(pod(cluster, "web-0")?.metadata.ownerReferences?.[0]?.kind).toBe("StatefulSet");
  });

  test("gives a pod the same directory again for its claim", async () => {
    await using cluster = new TestCluster(228);
    const claim = { metadata: { name: "data" }, spec: {} };
    cluster.apply(SETS, stateful("web", { replicas: 2, volumeClaimTemplates: [claim] }));
    await cluster.until<StatefulSet>({ resource: SETS, name: "web" }, ready(2));
    const path = (name: string): string | undefined => pod(cluster, name)?.spec.volumes?.[0]?.hostPath?.path;
    const before = [path("web-0"), path("web-1")];
    expect(new Set(before).size).toBe(2);
    const uid = pod(cluster, "web-0")?.metadata.uid;
    cluster.api.delete("pods", "default", "web-0");
    await cluster.until<StatefulSet>(
      { resource: SETS, name: "web" },
      (set) => ready(2)(set) && pod(cluster, "web-0")?.metadata.uid !== uid,
    );
    expect(path("web-0")).toBe(before[0] ?? "");
  });
});

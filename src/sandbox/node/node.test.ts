import { describe, expect, test } from "bun:test";
import { isPodReady } from "./conditions.ts";
import { echoDeployment, echoService, TestCluster } from "./testing.ts";
import type { Deployment, EndpointSlice, Pod, Service } from "./types.ts";

const ready = (count: number) => (deployment: Deployment | undefined) => deployment?.status?.availableReplicas === count;

function pods(cluster: TestCluster, app: string): Pod[] {
  return cluster.api.list("pods", { namespace: "default", labels: { app } }) as Pod[];
}

describe("a cluster's node half", () => {
  test("runs a Deployment behind a Service that answers from all its pods", async () => {
    await using cluster = new TestCluster(201);
    cluster.apply("services", echoService("web", { type: "NodePort" }));
    cluster.apply("deployments.apps", echoDeployment("web", { replicas: 3 }));
    await cluster.until<Deployment>({ resource: "deployments.apps", name: "web" }, ready(3));
    const service = cluster.api.get("services", "default", "web") as Service;
    const seen = new Set<string>();
    for (let index = 0; index < 9; index++) {
      const answer = await fetch(`http://${service.spec.clusterIP}:8080/hello`, { keepalive: false });
      seen.add(String(answer.headers.get("x-pod")));
      expect(((await answer.json()) as { path: string }).path).toBe("/hello");
    }
    expect([...seen].toSorted()).toEqual(pods(cluster, "web").map((pod) => pod.metadata.name).toSorted());
    const nodePort = service.spec.ports?.[0]?.nodePort ?? 0;
    expect((await fetch(`http://127.201.0.1:${nodePort}/healthz`)).status).toBe(200);
    expect(new Set(pods(cluster, "web").map((pod) => pod.status?.podIP)).size).toBe(3);
  });

  test("writes the slice in the turn in which a pod becomes ready", async () => {
    await using cluster = new TestCluster(202);
    let readyAt = 0;
    let sliceAt = 0;
    cluster.api.watch("pods", (_type, pod) => {
      if (readyAt === 0 && isPodReady(pod as Pod)) readyAt = performance.now();
    });
    cluster.api.watch("endpointslices.discovery.k8s.io", (_type, slice) => {
      const { endpoints } = slice as EndpointSlice;
      if (sliceAt === 0 && slice.metadata.name.startsWith("web") && endpoints?.[0]?.conditions.ready) sliceAt = performance.now();
    });
    cluster.apply("services", echoService("web"));
    const start = performance.now();
    cluster.apply("deployments.apps", echoDeployment("web"));
    await cluster.until<Deployment>({ resource: "deployments.apps", name: "web" }, ready(1));
    console.log(`create -> ready ${(readyAt - start).toFixed(1)} ms, ready -> slice ${(sliceAt - readyAt).toFixed(2)} ms`);
    expect(sliceAt - readyAt).toBeLessThan(20);
  });
});

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { POD_MARKER } from "../home.ts";
import { isPodReady } from "./conditions.ts";
import { findMarked } from "./kubelet/proc.ts";
import { echoDeployment, echoService, TestCluster } from "./testing.ts";
import type { Deployment, Endpoints, EndpointSlice, Pod, Service } from "./types.ts";

const ready = (count: number) => (deployment: Deployment | undefined) =>
  deployment?.status?.availableReplicas === count;

function pods(cluster: TestCluster, app: string): Pod[] {
  return cluster.api.list("pods", { namespace: "default", labels: { app } }) as Pod[];
}

const isWaiting = (pod: Pod): boolean =>
  pod.status?.containerStatuses?.[0]?.state.waiting?.reason === "ErrImagePull";

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
    expect([...seen].toSorted()).toEqual(
      pods(cluster, "web")
        .map((pod) => pod.metadata.name)
        .toSorted(),
    );
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
      if (sliceAt === 0 && slice.metadata.name.startsWith("web") && endpoints?.[0]?.conditions.ready)
        sliceAt = performance.now();
    });
    cluster.apply("services", echoService("web"));
    const start = performance.now();
    cluster.apply("deployments.apps", echoDeployment("web"));
    await cluster.until<Deployment>({ resource: "deployments.apps", name: "web" }, ready(1));
    console.log(
      `create -> ready ${(readyAt - start).toFixed(1)} ms, ready -> slice ${(sliceAt - readyAt).toFixed(2)} ms`,
    );
    expect(sliceAt - readyAt).toBeLessThan(20);
  });

  test("keeps the Service answering through a rolling update, a restart and a scale-down", async () => {
    await using cluster = new TestCluster(203);
    cluster.apply("services", echoService("web"));
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    cluster.apply("deployments.apps", echoDeployment("web", { replicas: 2, strategy }));
    await cluster.until<Deployment>({ resource: "deployments.apps", name: "web" }, ready(2));
    const service = cluster.api.get("services", "default", "web") as Service;
    const traffic = { on: true };
    let failed = 0;
    let answered = 0;
    const client = (async () => {
      while (traffic.on) {
        try {
          const answer = await fetch(`http://${service.spec.clusterIP}:8080/`, { keepalive: false });
          await answer.text();
          if (answer.ok) answered++;
          else failed++;
        } catch {
          failed++;
        }
      }
    })();
    let least = 2;
    const stop = cluster.api.watch("deployments.apps", (_type, object) => {
      least = Math.min(least, (object as Deployment).status?.availableReplicas ?? 0);
    });
    const before = pods(cluster, "web").map((pod) => pod.metadata.name);
    cluster.api.mutate("deployments.apps", "default", "web", (draft) => {
      const { template } = (draft as Deployment).spec;
      template.metadata = {
        ...template.metadata,
        annotations: { "kubectl.kubernetes.io/restartedAt": "now" },
      };
      return draft;
    });
    const rolled = await cluster.until<Deployment>(
      { resource: "deployments.apps", name: "web" },
      (object) => {
        const { status = {}, metadata } = object ?? {};
        return (
          status.observedGeneration === metadata?.generation &&
          status.updatedReplicas === 2 &&
          status.replicas === 2 &&
          status.availableReplicas === 2
        );
      },
    );
    expect(rolled?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("2");
    expect(rolled?.status?.conditions?.find(({ type }) => type === "Progressing")?.reason).toBe(
      "NewReplicaSetAvailable",
    );
    expect(
      pods(cluster, "web").filter(
        (pod) => before.includes(pod.metadata.name) && !pod.metadata.deletionTimestamp,
      ),
    ).toEqual([]);
    cluster.api.mutate("deployments.apps", "default", "web", (draft) => {
      (draft as Deployment).spec.replicas = 1;
      return draft;
    });
    await cluster.until<Deployment>(
      { resource: "deployments.apps", name: "web" },
      () => pods(cluster, "web").length === 1,
    );
    traffic.on = false;
    await client;
    stop();
    expect(least).toBeGreaterThanOrEqual(1);
    expect(answered).toBeGreaterThan(20);
    expect(failed).toBe(0);
  });

  test("ends a pod in order: endpoint, preStop, SIGTERM, and SIGKILL for the whole group after the grace", async () => {
    await using cluster = new TestCluster(204);
    const file = `${cluster.dir}/order`;
    cluster.apply("services", echoService("web"));
    cluster.apply("pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default", labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "web",
            image: "any",
            ports: [{ name: "http", containerPort: 8080 }],
            // It hears SIGTERM and goes on, and so does its child.
            command: [
              "sh",
              "-c",
              `trap 'echo term >> ${file}' TERM; sh -c 'trap "" TERM; sleep 30' & while :; do sleep 0.05; done`,
            ],
            lifecycle: { preStop: { exec: { command: ["sh", "-c", `echo prestop >> ${file}`] } } },
          },
        ],
      },
    });
    await cluster.until<Pod>(
      { resource: "pods", name: "web" },
      (pod) => pod !== undefined && isPodReady(pod),
    );
    const order: string[] = [];
    cluster.api.watch("endpointslices.discovery.k8s.io", (_type, slice) => {
      const conditions = (slice as EndpointSlice).endpoints?.[0]?.conditions;
      if (conditions?.terminating)
        order.push(
          `slice ready=${conditions.ready} serving=${conditions.serving} prestop=${existsSync(file)}`,
        );
    });
    const start = performance.now();
    cluster.api.delete("pods", "default", "web");
    await cluster.until<Pod>({ resource: "pods", name: "web" }, (pod) => pod === undefined);
    const tookMs = performance.now() - start;
    expect(order[0]).toBe("slice ready=false serving=true prestop=false");
    expect(readFileSync(file, "utf8")).toBe("prestop\nterm\n");
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(2500);
    expect(findMarked(POD_MARKER, (value) => value.startsWith(cluster.dir))).toEqual([]);
  });

  test("takes a pod out of the endpoints when its readiness fails and back when it returns", async () => {
    await using cluster = new TestCluster(205);
    const flag = `${cluster.dir}/ready`;
    writeFileSync(flag, "");
    const probe = { exec: { command: ["test", "-e", flag] }, periodSeconds: 1, failureThreshold: 1 };
    cluster.apply("services", echoService("web"));
    cluster.apply(
      "deployments.apps",
      echoDeployment("web", {
        container: { readinessProbe: probe, startupProbe: { httpGet: { port: 8080 } } },
      }),
    );
    await cluster.until<Deployment>({ resource: "deployments.apps", name: "web" }, ready(1));
    const endpoints = (want: boolean) =>
      cluster.until<Endpoints>({ resource: "endpoints", name: "web" }, (object) => {
        const [subset] = object?.subsets ?? [];
        return (subset?.[want ? "addresses" : "notReadyAddresses"] ?? []).length === 1;
      });
    await endpoints(true);
    const { clusterIP } = (cluster.api.get("services", "default", "web") as Service).spec;
    expect((await fetch(`http://${clusterIP}:8080/`, { keepalive: false })).status).toBe(200);
    rmSync(flag);
    await endpoints(false);
    const refused = await fetch(`http://${clusterIP}:8080/`, { keepalive: false }).catch(
      (error: Error) => error,
    );
    expect(refused).toBeInstanceOf(Error);
    writeFileSync(flag, "");
    await endpoints(true);
  });

  test("says what an unknown image could have been", async () => {
    await using cluster = new TestCluster(206);
    cluster.apply("deployments.apps", echoDeployment("db", { container: { image: "postgres:17" } }));
    await cluster.until({ resource: "deployments.apps", name: "db" }, () =>
      pods(cluster, "db").some(isWaiting),
    );
    const message = pods(cluster, "db")[0]?.status?.containerStatuses?.[0]?.state.waiting?.message;
    expect(message).toContain('Unknown image "postgres:17"');
    expect(message).toContain("isthmus/echo");
  });

  test("restarts what ends, backs off when it goes on so, and keeps the log of the run before", async () => {
    await using cluster = new TestCluster(207);
    const container = {
      name: "once",
      image: "any",
      command: ["sh", "-c", "echo run of $(WHO); exit 3"],
      env: [{ name: "WHO", value: "me" }],
    };
    cluster.apply("pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "once", namespace: "default" },
      spec: { containers: [container] },
    });
    const pod = await cluster.until<Pod>({ resource: "pods", name: "once" }, (object) => {
      return object?.status?.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff";
    });
    const [status] = pod?.status?.containerStatuses ?? [];
    expect(status?.restartCount).toBe(1);
    expect(status?.lastState.terminated?.exitCode).toBe(3);
    expect(pod?.status?.phase).toBe("Running");
    const logs = cluster.node.logs("default", "once", { follow: false });
    expect(await new Response(logs as ReadableStream).text()).toBe("run of me\n");
  });

  test("mounts ConfigMaps and Secrets where the pod wants them, and brings them up to date", async () => {
    await using cluster = new TestCluster(208);
    cluster.apply("configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "conf", namespace: "default" },
      data: { "a.txt": "one" },
    });
    cluster.apply("pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "reader", namespace: "default" },
      spec: {
        volumes: [
          { name: "conf", configMap: { name: "conf" } },
          { name: "late", secret: { secretName: "late" } },
        ],
        containers: [
          {
            name: "reader",
            image: "any",
            command: [
              "sh",
              "-c",
              "while :; do cat /etc/reader/conf/a.txt; echo; cat /secrets/key; echo; sleep 0.05; done",
            ],
            volumeMounts: [
              { name: "conf", mountPath: "/etc/reader/conf" },
              { name: "late", mountPath: "/secrets", readOnly: true },
            ],
          },
        ],
      },
    });
    // Without the Secret it waits, and says so.
    await cluster.until<Pod>(
      { resource: "pods", name: "reader" },
      (pod) => pod?.status?.containerStatuses?.[0]?.state.waiting !== undefined,
    );
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "late", namespace: "default" } };
    cluster.apply("secrets", { ...secret, data: { key: Buffer.from("hidden").toString("base64") } });
    await cluster.until<Pod>(
      { resource: "pods", name: "reader" },
      (pod) => pod !== undefined && isPodReady(pod),
    );
    expect(existsSync("/secrets")).toBe(false);
    const stream = cluster.node.logs("default", "reader", { follow: true }) as ReadableStream<Uint8Array>;
    let text = "";
    let changed = false;
    for await (const chunk of stream) {
      text += new TextDecoder().decode(chunk);
      if (text.includes("one\nhidden") && !changed) {
        changed = true;
        cluster.api.mutate("configmaps", "default", "conf", (draft) => ({
          ...draft,
          data: { "a.txt": "two" },
        }));
      }
      if (text.includes("two\nhidden")) break;
    }
    expect(text).toContain("two\nhidden");
  });
});

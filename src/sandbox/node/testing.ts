import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#core/clock.ts";
import { builtinResources } from "../apiserver/builtin.ts";
import type { ClusterApi, KubeObject } from "../apiserver/cluster-api.ts";
import { inProcessApi } from "../apiserver/in-process-api.ts";
import { Collector } from "../apiserver/objects/collector.ts";
import { Objects } from "../apiserver/objects/objects.ts";
import { ResourceRegistry } from "../apiserver/resources.ts";
import { Store } from "../apiserver/store/store.ts";
import { POD_MARKER } from "../home.ts";
import { findMarked, signalProcess } from "./kubelet/proc.ts";
import { type RunningNode, startNode } from "./node.ts";
import { ServiceAdmission } from "./services/service-admission.ts";

/** On a machine that has much else to do. */
const UNTIL_MS = 30_000;

/** A cluster without HTTP, for tests: the real API rules in memory, the real node half, real processes. */
export class TestCluster implements AsyncDisposable {
  readonly api: ClusterApi;
  readonly dir: string;
  readonly index: number;
  readonly #objects: Objects;
  readonly node: RunningNode;

  /** Clusters of tests that run at the same time need different indexes. */
  constructor(index: number) {
    this.index = index;
    this.dir = mkdtempSync(join(tmpdir(), "isthmus-node-"));
    const admission = new ServiceAdmission(index);
    const registry = new ResourceRegistry();
    for (const resource of builtinResources().resources) registry.add(resource);
    this.#objects = new Objects({
      store: new Store({ path: ":memory:" }),
      clock: systemClock,
      admission: [admission],
    });
    this.api = inProcessApi(this.#objects, registry);
    this.#objects.api = this.api;
    new Collector(this.#objects, registry).start();
    const kubeNamespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
    this.api.create("namespaces", kubeNamespace);
    this.node = this.#start(admission);
  }

  apply(resource: string, object: KubeObject): KubeObject {
    return this.api.create(resource, object);
  }

  /** Resolves with the object as soon as `check` holds; it is asked again when the object or any pod changes. */
  until<T extends KubeObject>(
    { resource, name, namespace = "default" }: { resource: string; name: string; namespace?: string },
    check: (object: T | undefined) => boolean,
  ): Promise<T | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const look = (): void => {
      const object = this.api.get(resource, namespace, name) as T | undefined;
      if (check(object)) resolve(object);
    };
    const stops = [this.api.watch(resource, look), this.api.watch("pods", look)];
    const timer = setTimeout(() => {
      const now = JSON.stringify(this.api.get(resource, namespace, name), undefined, 1);
      reject(new Error(`${resource} ${namespace}/${name} never became so; it is ${now}`));
    }, UNTIL_MS);
    look();
    return promise.finally(() => {
      for (const stop of stops) stop();
      clearTimeout(timer);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop({ graceMs: 500 });
    for (const found of findMarked(POD_MARKER, (value) => value.startsWith(`${this.dir}/`)))
      signalProcess(found, "SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }

  #start(admission: ServiceAdmission): RunningNode {
    return startNode({
      api: this.api,
      clock: systemClock,
      clusterDir: this.dir,
      clusterName: "test",
      index: this.index,
      apiPort: 6443,
      version: "v1.33.0",
      ca: "ca",
      program: [process.execPath],
      admission,
      issueToken: () => "token",
    });
  }
}

export interface EchoOptions {
  readonly replicas?: number;
  readonly strategy?: unknown;
  readonly env?: { name: string; value: string }[];
  readonly container?: Record<string, unknown>;
}

/** A Deployment of `isthmus/echo` with a readiness probe. */
export function echoDeployment(name: string, options: EchoOptions = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas: options.replicas ?? 1,
      ...(options.strategy === undefined ? {} : { strategy: options.strategy }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: "echo",
              image: "isthmus/echo:1",
              ports: [{ name: "http", containerPort: 8080 }],
              readinessProbe: { httpGet: { path: "/healthz", port: "http" } },
              ...(options.env === undefined ? {} : { env: options.env }),
              ...options.container,
            },
          ],
        },
      },
    },
  };
}

/** A Service in front of it. */
export function echoService(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { selector: { app: name }, ports: [{ port: 8080, targetPort: "http" }], ...spec },
  };
}

import type { Deployment, EndpointSlice, Pod, Service, ServiceSpec } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { KubeObject } from "#api/object.ts";
import { apiVersionOf, RESOURCES, type ResourceDef } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../../e2e/lib/playground.ts";

const NAMESPACE = "default";
/** Port of the exported service; the pods listen on another. */
export const PORT = 4200;
export const POD_PORT = 8080;
const EXEC_MS = 60_000;
const STATEFUL_SETS: ResourceDef = {
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  namespaced: true,
};

/** Tries until `look` gives something; throws what it threw last, or what it waited for. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  { forMs = 10_000, what = look.toString() }: { forMs?: number; what?: string } = {},
): Promise<T> {
  const endMs = performance.now() + forMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`Not within ${forMs / 1000} s: ${what}`);
    await Bun.sleep(50);
  }
}

/** What the cases run in a pod; without one of them nothing can be said of names. */
export const TOOLS = ["kubectl", "nslookup", "dig", "curl"] as const;

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
}

/** One sandbox cluster, as a client in one of its pods and its administrator see it. */
export class Cluster {
  readonly name: string;
  readonly client: KubeClient;
  readonly #kubeconfig: string;
  #pod = "";

  constructor(options: { name: string; client: KubeClient; kubeconfig: string }) {
    this.name = options.name;
    this.client = options.client;
    this.#kubeconfig = options.kubeconfig;
  }

  /** Runs a script in a pod, with that pod's own resolv.conf; gives what it wrote, whatever its exit code. */
  async exec(script: string): Promise<string> {
    const words = ["--kubeconfig", this.#kubeconfig, "--context", `sandbox-${this.name}`, "-n", NAMESPACE];
    const child = Bun.spawn(["kubectl", ...words, "exec", this.#pod, "--", "sh", "-c", `${script}; true`], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: EXEC_MS,
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`kubectl exec in ${this.name}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  async deploy(name: string, spec: ServiceSpec = helloSpec(), metadata: object = {}): Promise<Service> {
    return await this.client.create<Service>(RESOURCES.services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: NAMESPACE, ...metadata },
      spec,
    });
  }

  async export(name: string, spec: ServiceExport["spec"] = {}): Promise<void> {
    await this.client.create<ServiceExport>(RESOURCES.serviceExports, {
      apiVersion: apiVersionOf(RESOURCES.serviceExports),
      kind: "ServiceExport",
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
  }

  async unexport(name: string): Promise<void> {
    await this.client.delete(RESOURCES.serviceExports, { namespace: NAMESPACE, name });
  }

  async service(name: string): Promise<Service> {
    return await this.client.get(RESOURCES.services, { namespace: NAMESPACE, name });
  }

  async import(name: string): Promise<ServiceImport | undefined> {
    return await this.client.find(RESOURCES.serviceImports, { namespace: NAMESPACE, name });
  }

  async untilImport(
    name: string,
    as: (found: ServiceImport) => boolean = () => true,
  ): Promise<ServiceImport> {
    let last: ServiceImport | undefined;
    return await eventually(
      async () => {
        last = await this.import(name);
        return last !== undefined && as(last) ? last : undefined;
      },
      { what: `ServiceImport ${name} of ${this.name} as wanted` },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${JSON.stringify(last?.spec)}`);
    });
  }

  async untilNoImport(name: string): Promise<void> {
    await eventually(async () => (await this.import(name)) === undefined, {
      what: `no ServiceImport ${name} in ${this.name}`,
    });
  }

  async untilCondition(
    name: string,
    condition: { type: string; status: string; reason?: string },
  ): Promise<void> {
    await eventually(
      async () => {
        const found = await this.client.find(RESOURCES.serviceExports, { namespace: NAMESPACE, name });
        return found?.status?.conditions?.some(
          ({ type, status, reason }) =>
            type === condition.type &&
            status === condition.status &&
            (condition.reason === undefined || reason.split(",").includes(condition.reason)),
        );
      },
      { what: `${JSON.stringify(condition)} on ServiceExport ${name} of ${this.name}` },
    );
  }

  /** Slices with either label of KEP-1645. */
  async slices(name: string): Promise<EndpointSlice[]> {
    const { items } = await this.client.list<EndpointSlice>(RESOURCES.endpointSlices, {
      namespace: NAMESPACE,
      labelSelector: `multicluster.kubernetes.io/service-name=${name}`,
    });
    return items;
  }

  /** Slices that Kubernetes itself keeps of the Service. */
  async ownSlices(name: string): Promise<EndpointSlice[]> {
    const { items } = await this.client.list<EndpointSlice>(RESOURCES.endpointSlices, {
      namespace: NAMESPACE,
      labelSelector: `kubernetes.io/service-name=${name}`,
    });
    return items;
  }

  /** What a pod finds for the clusterset name; nothing when there is no such name. */
  addresses(name: string): Promise<string[]> {
    return this.resolve(clustersetName(name));
  }

  async resolve(fullName: string): Promise<string[]> {
    const said = await this.exec(`nslookup -type=A ${fullName}`);
    return [...said.matchAll(/^Name:.*\nAddress: (\S+)$/gm)].map(([, address = ""]) => address).toSorted();
  }

  async srv(name: string): Promise<SrvRecord[]> {
    const said = await this.exec(`nslookup -type=SRV ${clustersetName(name)}`);
    return [...said.matchAll(/service = \d+ \d+ (\d+) (\S+?)\.$/gm)].map(([, port, target = ""]) => ({
      port: Number(port),
      name: target,
    }));
  }

  /**
   * Which pods answer a client of this cluster that uses the name or address, as cluster/pod; undefined where none does.
   * Each time is a connection of its own.
   */
  async ask(host: string, { port = PORT, times = 1 } = {}): Promise<(string | undefined)[]> {
    const one = `curl -s -m 2 http://${host}:${port}/; echo`;
    const said = await this.exec(`for n in $(seq ${times}); do ${one}; done`);
    return said
      .split("\n")
      .slice(0, times)
      .map((line) => {
        if (line === "") return undefined;
        const { cluster, pod } = JSON.parse(line) as { cluster: string; pod: string };
        return `${cluster}/${pod}`;
      });
  }

  /** Of the same by the clusterset name: only the cluster. */
  async askService(
    name: string,
    options: { port?: number; times?: number } = {},
  ): Promise<(string | undefined)[]> {
    return (await this.ask(clustersetName(name), options)).map((pod) => pod?.split("/")[0]);
  }

  /** Pods of a StatefulSet that belongs to a headless Service of this name. */
  async startStatefulSet(name: string): Promise<void> {
    const labels = { stateful: name };
    await this.client.create<KubeObject>(STATEFUL_SETS, {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name, namespace: NAMESPACE, labels },
      spec: {
        serviceName: name,
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{ name: "hello", image: "isthmus/echo:1", ports: [{ containerPort: POD_PORT }] }],
          },
        },
      },
    });
  }

  async startPods(): Promise<void> {
    const labels = { app: "hello" };
    await this.client.create<Deployment>(RESOURCES.deployments, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "hello", namespace: NAMESPACE, labels },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{ name: "hello", image: "isthmus/echo:1", ports: [{ containerPort: POD_PORT }] }],
          },
        },
      },
    });
    await eventually(async () => {
      const found = await this.client.find(RESOURCES.deployments, { namespace: NAMESPACE, name: "hello" });
      return found?.status?.readyReplicas === 2;
    });
    const { items } = await this.client.list<Pod>(RESOURCES.pods, {
      namespace: NAMESPACE,
      labelSelector: "app=hello",
    });
    this.#pod = items[0]?.metadata.name ?? "";
  }
}

export function clustersetName(name: string): string {
  return `${name}.${NAMESPACE}.svc.clusterset.local`;
}

/** The Service that the cases export: TCP and UDP, with affinity. */
export function helloSpec(change: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    selector: { app: "hello" },
    ports: [
      { name: "tcp", port: PORT, targetPort: POD_PORT, protocol: "TCP", appProtocol: "kubernetes.io/ws" },
      { name: "udp", port: PORT, targetPort: POD_PORT, protocol: "UDP" },
    ],
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
    ...change,
  };
}

export function tcpPort(name: string, port: number): NonNullable<ServiceSpec["ports"]>[number] {
  return { name, port, targetPort: POD_PORT, protocol: "TCP" };
}

/**
 * Two sandbox clusters that are linked, each with two pods and with DNS as `isthmus dns install` leaves it. Names of imports stay free
 * (`discovery.plainNames: false`), since the cases make Services of such names after the import is there.
 */
export class Clusters implements AsyncDisposable {
  readonly #playground = new Playground();

  async start(): Promise<readonly [Cluster, Cluster]> {
    const must = (...words: string[]): Promise<string> => this.#playground.must(...words);
    await must("sandbox", "up", "c1", "c2");
    const kubeconfig = (await must("sandbox", "kubeconfig")).trim();
    const cluster = async (name: string): Promise<Cluster> => {
      const context = `sandbox-${name}`;
      await must("--context", context, "init");
      const client = new KubeClient(loadKubeconfig({ path: kubeconfig, context }));
      await client.patch<Site>(RESOURCES.sites, {
        namespace: NAMESPACE,
        name,
        type: "merge",
        body: { spec: { discovery: { plainNames: false } } },
      });
      const made = new Cluster({ name, client, kubeconfig });
      await Promise.all([
        made.startPods(),
        must("--context", context, "dns", "install", "--coredns", "--apply", "--replicas", "1"),
      ]);
      return made;
    };
    const both = await Promise.all([cluster("c1"), cluster("c2")]);
    const token = this.#playground.file("token.yaml");
    await must("--context", "sandbox-c1", "token", "create", token);
    await must("--context", "sandbox-c2", "link", "create", token);
    return both;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#playground[Symbol.asyncDispose]();
  }
}

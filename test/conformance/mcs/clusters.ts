import { Resolver } from "node:dns/promises";
import type { Deployment, EndpointSlice, Service, ServiceSpec } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../../e2e/lib/playground.ts";

const NAMESPACE = "default";
/** Port of the exported service; the pods listen on another. */
export const PORT = 4200;
const POD_PORT = 8080;

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

/** One sandbox cluster, as a client in it and its administrator see it. */
export class Cluster {
  readonly name: string;
  readonly client: KubeClient;
  readonly #dns: Resolver;

  constructor(options: { name: string; client: KubeClient; dnsPort: number }) {
    this.name = options.name;
    this.client = options.client;
    this.#dns = new Resolver({ timeout: 1000, tries: 2 });
    this.#dns.setServers([`127.0.0.1:${options.dnsPort}`]);
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

  /** What this cluster's DNS answers for the clusterset name; nothing when there is no such name. */
  async addresses(name: string): Promise<string[]> {
    return await this.#dns.resolve4(clustersetName(name)).catch(() => []);
  }

  async srv(name: string): Promise<{ name: string; port: number }[]> {
    return await this.#dns.resolveSrv(clustersetName(name)).catch(() => []);
  }

  async resolve(fullName: string): Promise<string[]> {
    return await this.#dns.resolve4(fullName).catch(() => []);
  }

  /** Which cluster's pod answers a client of this cluster that uses the clusterset name; undefined when none does. */
  async ask(name: string, port = PORT): Promise<string | undefined> {
    const [address] = await this.addresses(name);
    if (address === undefined) return undefined;
    try {
      const answer = await fetch(`http://${address}:${port}/`, {
        keepalive: false,
        signal: AbortSignal.timeout(2000),
      });
      const { cluster } = (await answer.json()) as { cluster: string };
      return cluster;
    } catch {
      return undefined;
    }
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
  }
}

function clustersetName(name: string): string {
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

/** Two sandbox clusters that are linked, each with `isthmus dns run` and two pods. */
export class Clusters implements AsyncDisposable {
  readonly #playground = new Playground();
  readonly #dns: Bun.Subprocess[] = [];

  async start(): Promise<readonly [Cluster, Cluster]> {
    const must = (...words: string[]): Promise<string> => this.#playground.must(...words);
    await must("sandbox", "up", "c1", "c2");
    const path = (await must("sandbox", "kubeconfig")).trim();
    await Promise.all(["c1", "c2"].map((name) => must("--context", `sandbox-${name}`, "init")));
    const linked = async (): Promise<void> => {
      const token = this.#playground.file("token.yaml");
      await must("--context", "sandbox-c1", "token", "create", token);
      await must("--context", "sandbox-c2", "link", "create", token);
    };
    const cluster = async (name: string): Promise<Cluster> => {
      const client = new KubeClient(loadKubeconfig({ path, context: `sandbox-${name}` }));
      const made = new Cluster({ name, client, dnsPort: await this.#startDns(name) });
      await made.startPods();
      return made;
    };
    const [c1, c2] = await Promise.all([cluster("c1"), cluster("c2"), linked()]);
    return [c1, c2];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#dns) child.kill();
    await Promise.all(this.#dns.map((child) => child.exited));
    await this.#playground[Symbol.asyncDispose]();
  }

  async #startDns(name: string): Promise<number> {
    const words = ["--context", `sandbox-${name}`, "-n", NAMESPACE, "dns", "run", "--listen", "127.0.0.1:0"];
    const child = this.#playground.start(words);
    this.#dns.push(child);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const read = async (): Promise<void> => {
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of child.stderr) {
        text += decoder.decode(chunk, { stream: true });
        const port = /"DNS runs".*"port":(\d+)/.exec(text)?.[1];
        if (port !== undefined) resolve(Number(port));
      }
      reject(new Error(`The DNS server of ${name} ended: ${text}`));
    };
    read().catch(reject);
    return await promise;
  }
}

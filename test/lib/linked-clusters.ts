import { readFileSync } from "node:fs";
import type { Deployment } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../e2e/lib/playground.ts";

/**
 * Sandbox clusters whose namespace "default" is a site each; all but the first dial the first. Controllers and routers are the shipped
 * processes.
 */
export class LinkedClusters<Cluster extends string> {
  readonly playground = new Playground();
  readonly #clusters: readonly Cluster[];
  readonly #clients = new Map<Cluster, KubeClient>();

  constructor(...clusters: readonly Cluster[]) {
    this.#clusters = clusters;
  }

  async up(): Promise<void> {
    await this.playground.must("sandbox", "up", ...this.#clusters);
    const path = (await this.playground.must("sandbox", "kubeconfig")).trim();
    for (const cluster of this.#clusters)
      this.#clients.set(cluster, new KubeClient(loadKubeconfig({ path, context: `sandbox-${cluster}` })));
    await Promise.all(this.#clusters.map((cluster) => this.isthmus(cluster, "init")));
    const [first, ...others] = this.#clusters;
    if (first === undefined) return;
    for (const cluster of others) {
      const token = this.playground.file(`${cluster}.yaml`);
      await this.isthmus(first, "token", "create", token);
      await this.isthmus(cluster, "link", "create", token);
    }
  }

  async down(): Promise<void> {
    await this.playground[Symbol.asyncDispose]();
  }

  client(cluster: Cluster): KubeClient {
    const found = this.#clients.get(cluster);
    if (found === undefined) throw new Error(`No client of ${cluster}`);
    return found;
  }

  /** Runs the CLI on one cluster; gives its standard output. */
  isthmus(cluster: Cluster, ...words: string[]): Promise<string> {
    return this.playground.must("--context", `sandbox-${cluster}`, ...words);
  }

  /** A Deployment of one echo pod, with the label `app: <name>`. */
  async deploy(cluster: Cluster, name: string): Promise<void> {
    const labels = { app: name };
    await this.client(cluster).create<Deployment>(RESOURCES.deployments, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { namespace: "default", name, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name, image: "isthmus/echo:1", ports: [{ containerPort: 8080 }] }] },
        },
      },
    });
  }

  async scale(cluster: Cluster, name: string, replicas: number): Promise<void> {
    await this.client(cluster).patch<Deployment>(RESOURCES.deployments, {
      namespace: "default",
      name,
      type: "merge",
      body: { spec: { replicas } },
    });
  }

  /** Pids of a command in the pods of one cluster. */
  pidsOf(cluster: Cluster, words: string): number[] {
    return this.playground.processes().filter((pid) => {
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
}

/** Looks each 20 ms until there is something to see. Throws after `timeoutMs`. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  timeoutMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`Still waiting for: ${look.toString()}`);
    await Bun.sleep(20);
  }
}

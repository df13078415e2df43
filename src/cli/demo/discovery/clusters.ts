import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Commands, Step } from "../commands.ts";
import { exampleFile, type ExampleName } from "../example-files.ts";
import { contextOf } from "../places.ts";
import { isthmus } from "../setup.ts";
import { until } from "../until.ts";
import { CLUSTERS, type DiscoveryCluster, DNS_NAMESPACE, HOME, NAMESPACE, OTHER } from "./places.ts";

/** Looks into the clusters of the story, and waits for what has to become so before it goes on. */
export class Clusters {
  readonly #clients: ReadonlyMap<DiscoveryCluster, KubeClient>;
  readonly #signal: AbortSignal;

  constructor(clients: ReadonlyMap<DiscoveryCluster, KubeClient>, signal: AbortSignal) {
    this.#clients = clients;
    this.#signal = signal;
  }

  /** Waits until the import names these clusters as its exporters, in the cluster of the client. */
  async imported(name: string, exporters: readonly string[]): Promise<void> {
    await this.#until(`the import "${name}" of ${exporters.join(" and ")}`, async () => {
      const found = await this.#client(HOME).find<ServiceImport>(RESOURCES.serviceImports, {
        namespace: NAMESPACE,
        name,
      });
      const there = (found?.status?.clusters ?? []).map(({ cluster }) => cluster);
      return exporters.every((cluster) => there.includes(cluster)) ? true : undefined;
    });
  }

  /** Waits until this many pods of an app are ready, and no other is left. */
  async podsReady(cluster: DiscoveryCluster, { app, count }: { app: string; count: number }): Promise<void> {
    await this.#until(`${count} ready pods of ${app} in ${cluster}`, async () => {
      const { items } = await this.#client(cluster).list<Pod>(RESOURCES.pods, {
        namespace: NAMESPACE,
        labelSelector: `app=${app}`,
      });
      return items.length === count && items.every(isReady) ? true : undefined;
    });
  }

  #client(cluster: DiscoveryCluster): KubeClient {
    const client = this.#clients.get(cluster);
    if (client === undefined) throw new IsthmusError("INTERNAL", `No client of ${cluster}`);
    return client;
  }

  async #until(what: string, look: () => Promise<true | undefined>): Promise<void> {
    const hint = `isthmus network status ${place(HOME).join(" ")}`;
    await until(what, { look, hint, signal: this.#signal });
  }
}

/** Options that lead to the namespace of the story in that cluster. */
export function place(cluster: DiscoveryCluster): string[] {
  return ["--context", contextOf(cluster), "-n", NAMESPACE];
}

export function apply(cluster: DiscoveryCluster, name: ExampleName): Step {
  return { program: "kubectl", words: ["apply", "-f", exampleFile(name), ...place(cluster)] };
}

export function kubectl(cluster: DiscoveryCluster, ...words: string[]): Step {
  return { program: "kubectl", words: [...words, ...place(cluster)] };
}

/** Two sites that are linked, and in each cluster DNS for what they give each other. */
export async function buildNetwork(commands: Commands): Promise<void> {
  await commands.runAll(
    CLUSTERS.flatMap((cluster) =>
      [NAMESPACE, DNS_NAMESPACE].map((name) => ({
        program: "kubectl" as const,
        words: ["create", "namespace", name, "--context", contextOf(cluster)],
      })),
    ),
  );
  await commands.runAll(CLUSTERS.map((cluster) => isthmus("init", ...place(cluster))));
  const dir = mkdtempSync(join(tmpdir(), "isthmus-demo-"));
  try {
    const token = join(dir, "token.yaml");
    await commands.run(isthmus("token", "create", token, ...place(HOME)));
    await commands.run(isthmus("link", "create", token, ...place(OTHER)));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function installDns(commands: Commands): Promise<void> {
  await commands.runAll(
    CLUSTERS.map((cluster) => {
      const at = ["--context", contextOf(cluster), "-n", DNS_NAMESPACE];
      return isthmus("dns", "install", "--coredns", "--apply", ...at);
    }),
  );
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { KubeClient } from "#kube/client.ts";
import { KubeError } from "#kube/kube-error.ts";
import { kubeconfigContexts, loadKubeconfig } from "#kube/kubeconfig.ts";
import { sandboxHome, sandboxKubeconfig } from "#sandbox/home.ts";
import { status } from "#sandbox/manage.ts";

/** A site in a cluster of the sandbox. */
export interface SandboxSite {
  /** Name of the cluster in the sandbox. */
  readonly cluster: string;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly site: Site;
}

/** Finds the sites in the sandbox clusters of one home; nothing outside of it is ever found. */
export class SandboxSites {
  readonly #home: string;
  readonly #clients = new Map<string, KubeClient>();

  /** `home` [sandboxHome()] */
  constructor(home: string = sandboxHome()) {
    this.#home = home;
  }

  get home(): string {
    return this.#home;
  }

  /** Whether this API server is one of them. */
  async has(server: string): Promise<boolean> {
    const running = await status({ home: this.#home });
    return running.some(({ api, state }) => state === "Running" && api === server);
  }

  async all(): Promise<SandboxSite[]> {
    const clusters = await this.#clusters();
    const lists = await Promise.all(
      clusters.map(async ({ cluster, client }) => {
        const items = await sitesOf(client);
        return items.map((site) => ({ cluster, client, namespace: site.metadata.namespace ?? "", site }));
      }),
    );
    return lists.flat();
  }

  /** By id, or by name where one only has it. Throws NOT_FOUND. */
  async find(idOrName: string): Promise<SandboxSite> {
    const all = await this.all();
    const byId = all.filter(({ site }) => site.status?.id === idOrName);
    const found =
      byId.length > 0 ? byId : all.filter(({ site }) => (site.spec.name ?? site.metadata.name) === idOrName);
    const [first, ...others] = found;
    if (first !== undefined && others.length === 0) return first;
    const why = first === undefined ? "there is no such site" : "several sites have this name";
    throw new IsthmusError("NOT_FOUND", `Cannot reach site "${idOrName}" in this sandbox: ${why}`, {
      hint: "isthmus sandbox status",
    });
  }

  async #clusters(): Promise<{ cluster: string; client: KubeClient }[]> {
    const path = sandboxKubeconfig(this.#home);
    const running = (await status({ home: this.#home })).filter(({ state }) => state === "Running");
    const contexts = running.length === 0 ? [] : kubeconfigContexts({ path });
    return running
      .filter(({ context }) => contexts.includes(context))
      .map(({ name, context, api }) => {
        const client = this.#clients.get(api) ?? new KubeClient(loadKubeconfig({ path, context }));
        this.#clients.set(api, client);
        return { cluster: name, client };
      });
  }
}

/** None where nothing is installed. */
async function sitesOf(client: KubeClient): Promise<Site[]> {
  try {
    return (await client.list<Site>(RESOURCES.sites)).items;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

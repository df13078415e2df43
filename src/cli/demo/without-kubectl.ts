import type { Deployment, Namespace, Service } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import { parseObjects } from "../object-file.ts";
import { formatTable } from "../output/table.ts";
import { APP, NAMESPACE } from "./places.ts";

export interface ClientSource<Cluster extends string> {
  client(cluster: Cluster): KubeClient;
}

/** Does what the demo's kubectl commands do, on a machine that has no kubectl, and says it in the same words. */
export class WithoutKubectl<Cluster extends string> {
  readonly #eye: ClientSource<Cluster>;
  readonly #namespace: string;
  readonly #app: string;

  constructor(
    eye: ClientSource<Cluster>,
    names: { readonly namespace?: string; readonly app?: string } = {},
  ) {
    this.#eye = eye;
    this.#namespace = names.namespace ?? NAMESPACE;
    this.#app = names.app ?? APP;
  }

  async createNamespace(cluster: Cluster): Promise<string> {
    const object: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: this.#namespace } };
    await this.#eye.client(cluster).create(RESOURCES.namespaces, object);
    return `namespace/${this.#namespace} created`;
  }

  async apply(file: string, cluster: Cluster): Promise<string> {
    const objects = parseObjects(await Bun.file(file).text());
    const done: string[] = [];
    for (const object of objects) {
      const def: ResourceDef | undefined = Object.values(RESOURCES).find(({ kind }) => kind === object.kind);
      if (def === undefined)
        throw new IsthmusError("INVALID", `"${file}" holds an object of kind "${object.kind}"`);
      const placed = { ...object, metadata: { ...object.metadata, namespace: this.#namespace } };
      // oxlint-disable-next-line no-await-in-loop -- in the order of the file
      await this.#eye.client(cluster).apply(def, placed, { fieldManager: "kubectl" });
      const group = def.group === "" ? "" : `.${def.group}`;
      done.push(`${def.kind.toLowerCase()}${group}/${object.metadata.name} serverside-applied`);
    }
    return done.join("\n");
  }

  async scale(cluster: Cluster, replicas: number): Promise<string> {
    const body = { spec: { replicas } };
    await this.#eye.client(cluster).patch<Deployment>(RESOURCES.deployments, {
      namespace: this.#namespace,
      name: this.#app,
      type: "merge",
      body,
    });
    return `deployment.apps/${this.#app} scaled`;
  }

  async service(cluster: Cluster): Promise<string> {
    const service = await this.#eye.client(cluster).get<Service>(RESOURCES.services, {
      namespace: this.#namespace,
      name: this.#app,
    });
    const { type = "ClusterIP", clusterIP = "", ports = [] } = service.spec;
    const shown = ports.map(({ port, protocol = "TCP" }) => `${port}/${protocol}`).join(",");
    return formatTable(["NAME", "TYPE", "CLUSTER-IP", "PORT(S)"], [[this.#app, type, clusterIP, shown]]);
  }

  /** Ends pods at once, as `kubectl delete pods --force`. */
  async kill(cluster: Cluster, pods: readonly KubeObject[]): Promise<string> {
    const names = pods.map(({ metadata }) => metadata.name);
    await Promise.all(
      names.map((name) =>
        this.#eye
          .client(cluster)
          .delete(RESOURCES.pods, { namespace: this.#namespace, name, gracePeriodSeconds: 0 }),
      ),
    );
    return names.map((name) => `pod "${name}" force deleted`).join("\n");
  }
}

import type { Deployment, Namespace, Service } from "#api/builtin.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { ClusterEye } from "./cluster-eye.ts";
import { parseObjects } from "../object-file.ts";
import { formatTable } from "../output/table.ts";
import { APP, type DemoCluster, NAMESPACE } from "./places.ts";

/** Does what the demo's kubectl commands do, on a machine that has no kubectl, and says it in the same words. */
export class WithoutKubectl {
  readonly #eye: Pick<ClusterEye, "client">;

  constructor(eye: Pick<ClusterEye, "client">) {
    this.#eye = eye;
  }

  async createNamespace(cluster: DemoCluster): Promise<string> {
    const object: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
    await this.#eye.client(cluster).create(RESOURCES.namespaces, object);
    return `namespace/${NAMESPACE} created`;
  }

  async apply(file: string, cluster: DemoCluster): Promise<string> {
    const objects = parseObjects(await Bun.file(file).text());
    const done: string[] = [];
    for (const object of objects) {
      const def: ResourceDef | undefined = Object.values(RESOURCES).find(({ kind }) => kind === object.kind);
      if (def === undefined)
        throw new IsthmusError("INVALID", `"${file}" holds an object of kind "${object.kind}"`);
      const placed = { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } };
      // oxlint-disable-next-line no-await-in-loop -- in the order of the file
      await this.#eye.client(cluster).apply(def, placed, { fieldManager: "kubectl" });
      const group = def.group === "" ? "" : `.${def.group}`;
      done.push(`${def.kind.toLowerCase()}${group}/${object.metadata.name} serverside-applied`);
    }
    return done.join("\n");
  }

  async scale(cluster: DemoCluster, replicas: number): Promise<string> {
    const body = { spec: { replicas } };
    await this.#eye.client(cluster).patch<Deployment>(RESOURCES.deployments, {
      namespace: NAMESPACE,
      name: APP,
      type: "merge",
      body,
    });
    return `deployment.apps/${APP} scaled`;
  }

  async service(cluster: DemoCluster): Promise<string> {
    const service = await this.#eye.client(cluster).get<Service>(RESOURCES.services, {
      namespace: NAMESPACE,
      name: APP,
    });
    const { type = "ClusterIP", clusterIP = "", ports = [] } = service.spec;
    const shown = ports.map(({ port, protocol = "TCP" }) => `${port}/${protocol}`).join(",");
    return formatTable(["NAME", "TYPE", "CLUSTER-IP", "PORT(S)"], [[APP, type, clusterIP, shown]]);
  }
}

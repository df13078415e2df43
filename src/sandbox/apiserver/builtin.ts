import { CORE } from "./schema/definitions-core.ts";
import { GROUPS } from "./schema/definitions-groups.ts";
import { META_AND_PODS } from "./schema/definitions-meta.ts";
import { parseSchemas } from "./schema/language.ts";
import { Definitions } from "./schema/schema.ts";
import type { Resource } from "./resources.ts";

interface Builtin {
  group: string;
  version: string;
  plural: string;
  kind: string;
  /** Package of the schema. */
  package: string;
  short?: string[];
  cluster?: true;
  status?: true;
  generation?: true;
  scale?: true;
  all?: true;
}

const core = { group: "", version: "v1", package: "io.k8s.api.core.v1" } as const;
const apps = { group: "apps", version: "v1", package: "io.k8s.api.apps.v1" } as const;
const rbac = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  package: "io.k8s.api.rbac.v1",
} as const;

const BUILTINS: readonly Builtin[] = [
  { ...core, plural: "configmaps", kind: "ConfigMap", short: ["cm"] },
  { ...core, plural: "endpoints", kind: "Endpoints", short: ["ep"] },
  { ...core, plural: "events", kind: "Event", short: ["ev"] },
  { ...core, plural: "namespaces", kind: "Namespace", short: ["ns"], cluster: true, status: true },
  { ...core, plural: "nodes", kind: "Node", short: ["no"], cluster: true, status: true },
  { ...core, plural: "pods", kind: "Pod", short: ["po"], status: true, all: true },
  { ...core, plural: "secrets", kind: "Secret" },
  { ...core, plural: "serviceaccounts", kind: "ServiceAccount", short: ["sa"] },
  { ...core, plural: "services", kind: "Service", short: ["svc"], status: true, all: true },
  {
    ...apps,
    plural: "deployments",
    kind: "Deployment",
    short: ["deploy"],
    status: true,
    generation: true,
    scale: true,
    all: true,
  },
  {
    ...apps,
    plural: "replicasets",
    kind: "ReplicaSet",
    short: ["rs"],
    status: true,
    generation: true,
    scale: true,
    all: true,
  },
  {
    ...apps,
    plural: "statefulsets",
    kind: "StatefulSet",
    short: ["sts"],
    status: true,
    generation: true,
    scale: true,
    all: true,
  },
  { ...apps, plural: "controllerrevisions", kind: "ControllerRevision" },
  {
    group: "batch",
    version: "v1",
    package: "io.k8s.api.batch.v1",
    plural: "jobs",
    kind: "Job",
    status: true,
    generation: true,
    all: true,
  },
  {
    group: "discovery.k8s.io",
    version: "v1",
    package: "io.k8s.api.discovery.v1",
    plural: "endpointslices",
    kind: "EndpointSlice",
    generation: true,
  },
  {
    group: "coordination.k8s.io",
    version: "v1",
    package: "io.k8s.api.coordination.v1",
    plural: "leases",
    kind: "Lease",
  },
  { ...rbac, plural: "roles", kind: "Role" },
  { ...rbac, plural: "rolebindings", kind: "RoleBinding" },
  { ...rbac, plural: "clusterroles", kind: "ClusterRole", cluster: true },
  { ...rbac, plural: "clusterrolebindings", kind: "ClusterRoleBinding", cluster: true },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    short: ["crd", "crds"],
    cluster: true,
    status: true,
    generation: true,
  },
];

const SCALE = { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas" } as const;

/** Parses the builtin schemas (about 2 ms) and lists the builtin resources. */
export function builtinResources(): { definitions: Definitions; resources: Resource[] } {
  const definitions = new Definitions();
  for (const text of [META_AND_PODS, CORE, GROUPS]) parseSchemas(text, definitions);
  const resources = BUILTINS.map((builtin): Resource => {
    const schema = definitions.byName.get(`${builtin.package}.${builtin.kind}`);
    if (schema === undefined) throw new Error(`no schema for ${builtin.kind}`);
    const gvk = { group: builtin.group, version: builtin.version, kind: builtin.kind };
    schema["x-kubernetes-group-version-kind"] = [gvk];
    return {
      group: builtin.group,
      resource: builtin.plural,
      kind: builtin.kind,
      listKind: `${builtin.kind}List`,
      singular: builtin.kind.toLowerCase(),
      shortNames: builtin.short ?? [],
      categories: builtin.all === true ? ["all"] : [],
      namespaced: builtin.cluster !== true,
      versions: [{ name: builtin.version, schema, columns: [] }],
      storageVersion: builtin.version,
      hasStatus: builtin.status === true,
      hasGeneration: builtin.generation === true,
      ...(builtin.scale === true ? { scale: SCALE } : {}),
      custom: false,
      definitions,
    };
  });
  return { definitions, resources };
}

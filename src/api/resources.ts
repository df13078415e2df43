import type * as builtin from "./builtin.ts";
import type { CustomResourceDefinition } from "./crd.ts";
import { accessGrantKind } from "./kinds/access-grant.ts";
import { accessTokenKind } from "./kinds/access-token.ts";
import { linkKind } from "./kinds/link.ts";
import { serviceExportKind } from "./kinds/service-export.ts";
import { serviceImportKind } from "./kinds/service-import.ts";
import { siteKind } from "./kinds/site.ts";
import { trafficPolicyKind } from "./kinds/traffic-policy.ts";
import type { KubeObject } from "./object.ts";
import type { ResourceDef } from "./resource-def.ts";

export { apiVersionOf, type ResourceDef } from "./resource-def.ts";

interface Place {
  readonly group?: string;
  readonly kind: string;
  readonly plural: string;
}

function namespaced<T extends KubeObject>({ group = "", kind, plural }: Place): ResourceDef<T> {
  return { group, version: "v1", plural, kind, namespaced: true };
}

function cluster<T extends KubeObject>({ group = "", kind, plural }: Place): ResourceDef<T> {
  return { group, version: "v1", plural, kind, namespaced: false };
}

const RBAC = "rbac.authorization.k8s.io";

/** Every resource that this project speaks to; the type parameter says what reading it gives. */
export const RESOURCES = {
  namespaces: cluster<builtin.Namespace>({ kind: "Namespace", plural: "namespaces" }),
  nodes: cluster<builtin.Node>({ kind: "Node", plural: "nodes" }),
  pods: namespaced<builtin.Pod>({ kind: "Pod", plural: "pods" }),
  services: namespaced<builtin.Service>({ kind: "Service", plural: "services" }),
  endpoints: namespaced<builtin.Endpoints>({ kind: "Endpoints", plural: "endpoints" }),
  configMaps: namespaced<builtin.ConfigMap>({ kind: "ConfigMap", plural: "configmaps" }),
  secrets: namespaced<builtin.Secret>({ kind: "Secret", plural: "secrets" }),
  serviceAccounts: namespaced<builtin.ServiceAccount>({ kind: "ServiceAccount", plural: "serviceaccounts" }),
  events: namespaced<builtin.Event>({ kind: "Event", plural: "events" }),
  endpointSlices: namespaced<builtin.EndpointSlice>({
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
  }),
  deployments: namespaced<builtin.Deployment>({ group: "apps", kind: "Deployment", plural: "deployments" }),
  replicaSets: namespaced<builtin.ReplicaSet>({ group: "apps", kind: "ReplicaSet", plural: "replicasets" }),
  leases: namespaced<builtin.Lease>({ group: "coordination.k8s.io", kind: "Lease", plural: "leases" }),
  roles: namespaced<builtin.Role>({ group: RBAC, kind: "Role", plural: "roles" }),
  roleBindings: namespaced<builtin.RoleBinding>({ group: RBAC, kind: "RoleBinding", plural: "rolebindings" }),
  clusterRoles: cluster<builtin.ClusterRole>({ group: RBAC, kind: "ClusterRole", plural: "clusterroles" }),
  clusterRoleBindings: cluster<builtin.ClusterRoleBinding>({
    group: RBAC,
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
  }),
  customResourceDefinitions: cluster<CustomResourceDefinition>({
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
  }),
  sites: siteKind.resource,
  links: linkKind.resource,
  accessGrants: accessGrantKind.resource,
  accessTokens: accessTokenKind.resource,
  trafficPolicies: trafficPolicyKind.resource,
  serviceExports: serviceExportKind.resource,
  serviceImports: serviceImportKind.resource,
} as const;

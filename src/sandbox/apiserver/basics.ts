import type { NewObject } from "./cluster-api.ts";
import type { Objects } from "./objects/objects.ts";
import type { ResourceRegistry } from "./resources.ts";

const RBAC = "rbac.authorization.k8s.io/v1";
const WRITER = {
  manager: "kube-apiserver",
  user: { name: "system:apiserver", groups: ["system:masters"] },
};
const READ = ["get", "list", "watch"];
const WRITE = [...READ, "create", "update", "patch", "delete", "deletecollection"];
const NAMESPACED = [
  {
    apiGroups: [""],
    resources: ["pods", "pods/log", "services", "endpoints", "configmaps", "events", "serviceaccounts"],
  },
  {
    apiGroups: ["apps"],
    resources: [
      "deployments",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
      "controllerrevisions",
    ],
  },
  { apiGroups: ["batch"], resources: ["jobs"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
];
/** Not in `view`: what a pod serves to its own network, and what can be done in it, is more than its state. */
const INTO_PODS = { apiGroups: [""], resources: ["pods/exec", "pods/proxy"] };
const SECRETS = { apiGroups: [""], resources: ["secrets"] };
const ROLES = { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"] };

const rules = (verbs: string[], ...extra: object[]): unknown[] =>
  [...NAMESPACED, ...extra].map((rule) => ({ verbs, ...rule }));

const clusterRole = (name: string, list: unknown[]): NewObject => ({
  apiVersion: RBAC,
  kind: "ClusterRole",
  metadata: { name, labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } },
  rules: list,
});

/** What every cluster has from the start; made when absent, never changed. */
export function ensureBasics(objects: Objects, registry: ResourceRegistry): void {
  const ensure = (key: string, object: NewObject): void => {
    const resource = registry.get(key);
    if (resource === undefined) throw new Error(`no resource ${key}`);
    const { name = "" } = object.metadata;
    if (objects.find(resource, "", name) === undefined) objects.create(resource, object, WRITER);
  };
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    ensure("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  const everything = [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    { verbs: ["*"], nonResourceURLs: ["*"] },
  ];
  for (const [name, list] of [
    ["cluster-admin", everything],
    ["admin", rules(WRITE, INTO_PODS, SECRETS, ROLES)],
    ["edit", rules(WRITE, INTO_PODS, SECRETS)],
    ["view", rules(READ)],
  ] as const) {
    ensure("clusterroles.rbac.authorization.k8s.io", clusterRole(name, [...list]));
  }
  ensure("clusterrolebindings.rbac.authorization.k8s.io", {
    apiVersion: RBAC,
    kind: "ClusterRoleBinding",
    metadata: { name: "cluster-admin" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:masters" }],
  });
}

import type { PolicyRule, Role, RoleBinding, ServiceAccount } from "#api/builtin.ts";
import { CONSOLE } from "./console/console-names.ts";
import { CONTROLLER, CONTROL_SECRET, IDENTITY_SECRET, LEASE, ROOT_SECRET, ROUTER } from "./names.ts";

const READ = ["get", "list", "watch"];
const OWN = "isthmus.dev";
const MCS = "multicluster.x-k8s.io";

/**
 * What the controller may do, in its own namespace only. Nothing here reads pods, runs commands or lists Secrets.
 * Its own Secrets are named. The code Secret of an AccessToken has a name of the user's choice, so `get` and `delete`
 * of Secrets are not bound to names: it can read one that it is told the name of, and cannot find out names.
 */
export function controllerRules(): PolicyRule[] {
  const statuses = ["sites", "links", "accessgrants", "accesstokens", "trafficpolicies"];
  return [
    { apiGroups: [OWN], resources: statuses, verbs: READ },
    { apiGroups: [OWN], resources: statuses.map((name) => `${name}/status`), verbs: ["update", "patch"] },
    { apiGroups: [OWN], resources: ["links"], verbs: ["create", "update", "patch"] },
    { apiGroups: [MCS], resources: ["serviceexports"], verbs: READ },
    { apiGroups: [MCS], resources: ["serviceimports"], verbs: [...READ, "create", "update", "delete"] },
    {
      apiGroups: [MCS],
      resources: ["serviceexports/status", "serviceimports/status"],
      verbs: ["update", "patch"],
    },
    { apiGroups: [""], resources: ["services"], verbs: [...READ, "create", "update", "patch", "delete"] },
    {
      apiGroups: ["discovery.k8s.io"],
      resources: ["endpointslices"],
      verbs: [...READ, "create", "update", "delete"],
    },
    { apiGroups: [""], resources: ["secrets"], verbs: ["create", "get", "delete"] },
    {
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: [IDENTITY_SECRET, ROOT_SECRET, CONTROL_SECRET, CONSOLE],
      verbs: ["update"],
    },
    { apiGroups: ["apps"], resources: ["deployments"], verbs: [...READ, "create"] },
    { apiGroups: ["apps"], resources: ["deployments"], resourceNames: [ROUTER, CONSOLE], verbs: ["patch"] },
    { apiGroups: ["apps"], resources: ["deployments"], resourceNames: [CONSOLE], verbs: ["delete"] },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: [LEASE],
      verbs: ["get", "update", "patch"],
    },
  ];
}

/** Service accounts, Role and RoleBinding of one namespace. The router's account has no rights and no token. */
export function rbacObjects(
  namespace: string,
  labels: Readonly<Record<string, string>>,
): (ServiceAccount | Role | RoleBinding)[] {
  const metadata = { name: CONTROLLER, namespace, labels };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { ...metadata, name: ROUTER },
      automountServiceAccountToken: false,
    } satisfies ServiceAccount,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata,
      rules: controllerRules(),
    } satisfies Role,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: CONTROLLER },
      subjects: [{ kind: "ServiceAccount", name: CONTROLLER, namespace }],
    } satisfies RoleBinding,
  ];
}

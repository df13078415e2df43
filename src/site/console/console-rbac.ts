import type { Role, RoleBinding, ServiceAccount } from "#api/builtin.ts";
import { CONSOLE } from "./console-names.ts";

/** What a console in the cluster may do: find the addresses of this namespace's Services. No Secrets, no pods, no writing. */
export function consoleRbac(
  namespace: string,
  labels: Readonly<Record<string, string>>,
): (ServiceAccount | Role | RoleBinding)[] {
  const metadata = { name: CONSOLE, namespace, labels };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata } satisfies ServiceAccount,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata,
      rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] }],
    } satisfies Role,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: CONSOLE },
      subjects: [{ kind: "ServiceAccount", name: CONSOLE, namespace }],
    } satisfies RoleBinding,
  ];
}

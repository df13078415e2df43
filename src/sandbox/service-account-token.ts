import type { ClusterApi } from "./apiserver/cluster-api.ts";
import type { Pod, Secret } from "./node/types.ts";

const ACCOUNT = "kubernetes.io/service-account.name";

/**
 * The token of a pod's ServiceAccount, from the Secret `<account>-token` of type kubernetes.io/service-account-token,
 * which is made when it is first needed and goes with the account. Throws when there is no such account.
 */
export function serviceAccountToken(api: ClusterApi, pod: Pod): string {
  const { namespace = "" } = pod.metadata;
  const name = pod.spec.serviceAccountName ?? "default";
  const account = api.get("serviceaccounts", namespace, name);
  if (account === undefined) throw new Error(`serviceaccount "${name}" not found`);
  const secretName = `${name}-token`;
  const present: Partial<Secret> | undefined = api.get("secrets", namespace, secretName);
  const held = present?.metadata?.annotations?.[ACCOUNT] === name ? present.data?.token : undefined;
  if (held !== undefined) return Buffer.from(held, "base64").toString();
  const token = `isthmus-sa-${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
  api.create("secrets", {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/service-account-token",
    metadata: {
      name: secretName,
      namespace,
      annotations: { [ACCOUNT]: name, "kubernetes.io/service-account.uid": account.metadata.uid ?? "" },
      ownerReferences: [{ apiVersion: "v1", kind: "ServiceAccount", name, uid: account.metadata.uid ?? "" }],
    },
    data: { token: Buffer.from(token).toString("base64") },
  });
  return token;
}

import type { KubeObject, UserInfo } from "../cluster-api.ts";
import type { Store } from "../store/store.ts";

const RBAC = "rbac.authorization.k8s.io";

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

/** What a request wants to do with resources. */
export interface Attributes {
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  /** "" = cluster scope or all namespaces. */
  namespace: string;
  name: string;
}

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

/** Everyone who is known may look at discovery, health and himself. */
const BASIC: readonly PolicyRule[] = [
  {
    verbs: ["get"],
    nonResourceURLs: [
      "/api",
      "/api/*",
      "/apis",
      "/apis/*",
      "/openapi/*",
      "/version",
      "/healthz",
      "/livez",
      "/readyz",
    ],
  },
  {
    verbs: ["create"],
    apiGroups: ["authorization.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
  },
  { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
];

const ALL: PolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
const ALL_PATHS: PolicyRule = { verbs: ["*"], nonResourceURLs: ["*"] };

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes("*") || list.includes(value));

/**
 * RBAC: allows what a role that is bound to the user allows, and all to the group system:masters. Evaluated on the
 * stored objects at each request: cost grows with the bindings of the namespace and of the cluster.
 */
export class Authorizer {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  allows(user: UserInfo, wanted: Attributes): boolean {
    const part = wanted.subresource === "" ? wanted.resource : `${wanted.resource}/${wanted.subresource}`;
    for (const rule of this.#rules(user, wanted.namespace)) {
      if (!has(rule.verbs, wanted.verb) || !has(rule.apiGroups, wanted.group)) continue;
      const resources = rule.resources ?? [];
      const fits =
        resources.includes("*") ||
        resources.includes(part) ||
        (wanted.subresource !== "" && resources.includes(`*/${wanted.subresource}`));
      if (!fits) continue;
      const names = rule.resourceNames ?? [];
      if (names.length === 0 || names.includes(wanted.name)) return true;
    }
    return false;
  }

  allowsPath(user: UserInfo, verb: string, path: string): boolean {
    for (const rule of this.#rules(user, "")) {
      if (!has(rule.verbs, verb)) continue;
      const fits = (rule.nonResourceURLs ?? []).some(
        (url) => url === "*" || url === path || (url.endsWith("*") && path.startsWith(url.slice(0, -1))),
      );
      if (fits) return true;
    }
    return false;
  }

  /** Every rule that holds for a user in a namespace, cluster-wide ones included. */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    return [...this.#rules(user, namespace)];
  }

  *#rules(user: UserInfo, namespace: string): Iterable<PolicyRule> {
    if (user.groups.includes("system:masters")) {
      yield ALL;
      yield ALL_PATHS;
      return;
    }
    yield* BASIC;
    for (const binding of this.#store.list(`clusterrolebindings.${RBAC}`)) {
      if (isBound(binding, user)) yield* this.#rulesOf(binding, "");
    }
    if (namespace === "") return;
    for (const binding of this.#store.list(`rolebindings.${RBAC}`)) {
      if (binding.metadata.namespace === namespace && isBound(binding, user)) {
        yield* this.#rulesOf(binding, namespace);
      }
    }
  }

  #rulesOf(binding: KubeObject, namespace: string): readonly PolicyRule[] {
    const reference = binding["roleRef"] as { kind: string; name: string };
    const role =
      reference.kind === "ClusterRole"
        ? this.#store.get(`clusterroles.${RBAC}`, "", reference.name)
        : this.#store.get(`roles.${RBAC}`, namespace, reference.name);
    return (role?.["rules"] as PolicyRule[] | undefined) ?? [];
  }
}

function isBound(binding: KubeObject, user: UserInfo): boolean {
  return ((binding["subjects"] as Subject[] | undefined) ?? []).some((subject) => {
    switch (subject.kind) {
      case "User":
        return subject.name === user.name;
      case "Group":
        return user.groups.includes(subject.name);
      default: {
        const namespace = subject.namespace ?? binding.metadata.namespace ?? "";
        return user.name === `system:serviceaccount:${namespace}:${subject.name}`;
      }
    }
  });
}

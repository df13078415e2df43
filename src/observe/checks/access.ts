import type { KubeObject } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import type { Facts } from "./facts.ts";

/** One thing that somebody may do or not: `create deployments.apps`. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `sites/status`. */
  readonly resource: string;
  readonly name?: string;
  /** Not of the namespace. */
  readonly cluster?: boolean;
}

type AccessReview = KubeObject<
  { resourceAttributes: Record<string, string> },
  { allowed?: boolean; reason?: string }
>;

const REVIEWS: ResourceDef<AccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "selfsubjectaccessreviews",
  kind: "SelfSubjectAccessReview",
  namespaced: false,
};

/** Asked of the API server at the same time. */
const AT_ONCE = 8;

/** Whether the user may do this, as the API server says (SelfSubjectAccessReview). Throws KubeError. */
export function may(right: Right, facts: Facts): Promise<boolean> {
  const { verb, group, name = "", cluster = false } = right;
  const [resource = "", subresource = ""] = right.resource.split("/");
  return facts.once(`may ${JSON.stringify(right)}`, async () => {
    const namespace = cluster ? "" : facts.namespace;
    const given = { verb, group, resource, subresource, name, namespace };
    const resourceAttributes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    const review: AccessReview = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      // API servers refuse a review that has a name.
      metadata: { name: "" },
      spec: { resourceAttributes },
    };
    const { status } = await facts.client.create(REVIEWS, review, { signal: facts.signal });
    return status?.allowed === true;
  });
}

/** Those of the rights that the user has not. */
export async function lacking(rights: readonly Right[], facts: Facts): Promise<Right[]> {
  const missing: Right[] = [];
  for (let from = 0; from < rights.length; from += AT_ONCE) {
    const some = rights.slice(from, from + AT_ONCE);
    // oxlint-disable-next-line no-await-in-loop -- some at once, not hundreds
    const allowed = await Promise.all(some.map((right) => may(right, facts)));
    missing.push(...some.filter((_, index) => allowed[index] !== true));
  }
  return missing;
}

/** `create deployments.apps, patch roles.rbac.authorization.k8s.io and 3 more` */
export function rightsText(rights: readonly Right[]): string {
  const shown = rights.slice(0, 4).map(({ verb, group, resource, name }) => {
    const [kind = "", subresource] = resource.split("/");
    const full = `${kind}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
    return `${verb} ${full}${name === undefined ? "" : ` "${name}"`}`;
  });
  const more = rights.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

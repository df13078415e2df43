import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { controllerRules } from "#site/rbac.ts";
import { lacking, may, type Right, rightsText } from "./access.ts";
import { type Category, type Check, failed, ok, warning } from "./check.ts";
import type { Facts } from "./facts.ts";
import { kindsVerdict } from "./kubernetes.ts";

const RBAC = "rbac.authorization.k8s.io";

const kinds: Check = {
  name: "kinds are installed, or may be",
  run: (facts) =>
    kindsVerdict(facts, async (missing) => {
      const right = { group: "apiextensions.k8s.io", resource: "customresourcedefinitions", cluster: true };
      const lacks = await lacking(
        ["create", "patch"].map((verb) => ({ verb, ...right })),
        facts,
      );
      if (lacks.length === 0) return ok(`${missing.length} will be`);
      return failed(
        `${missing.length} are not, and you may not ${rightsText(lacks)}`,
        `Whoever administers the cluster installs them once: ${facts.command("init -o yaml")}`,
      );
    }),
};

/** What `isthmus init` applies; server-side apply needs `create` where the object is new, and `patch` always. */
const APPLIED: readonly Omit<Right, "verb">[] = [
  { group: "", resource: "serviceaccounts" },
  { group: RBAC, resource: "roles" },
  { group: RBAC, resource: "rolebindings" },
  { group: "", resource: "services" },
  { group: "apps", resource: "deployments" },
  { group: RESOURCES.sites.group, resource: RESOURCES.sites.plural },
];

const objects: Check = {
  name: "objects of a site may be made",
  async run(facts) {
    const wanted = APPLIED.flatMap((what) => ["get", "create", "patch"].map((verb) => ({ verb, ...what })));
    const lacks = await lacking(wanted, facts);
    if (lacks.length === 0) return ok();
    return failed(
      `You may not ${rightsText(lacks)} in namespace "${facts.namespace}"`,
      `Whoever administers it can bind the role "admin" to you, or run: ${facts.command("init")}`,
    );
  },
};

/** Nobody can give rights that he has not himself, unless he may `escalate`. */
const rights: Check = {
  name: "rights of the controller may be given",
  async run(facts) {
    const everything: Right = { verb: "*", group: "*", resource: "*" };
    if (await may(everything, facts)) return ok();
    if (await may({ verb: "escalate", group: RBAC, resource: "roles" }, facts)) return ok();
    const lacks = await lacking(rightsOfController(), facts);
    if (lacks.length === 0) return ok();
    return failed(
      `You can give only rights that you have, and may not ${rightsText(lacks)} in namespace "${facts.namespace}"`,
      `Whoever administers the cluster can run: ${facts.command("init")}`,
    );
  },
};

const noOther: Check = {
  name: "namespace has no other site",
  async run(facts: Facts) {
    try {
      const site = await facts.site();
      if (site === undefined) return ok();
      return warning(
        `Site "${site.metadata.name}" is there: init brings it up to date`,
        facts.command("check"),
      );
    } catch (error) {
      if (error instanceof IsthmusError && error.code === "NOT_FOUND") return ok();
      throw error;
    }
  },
};

export const preInstall: Category = {
  category: "Before installing",
  checks: [kinds, objects, rights, noOther],
};

function rightsOfController(): Right[] {
  const all = controllerRules().flatMap(({ apiGroups = [], resources = [], resourceNames, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) =>
          (resourceNames ?? [undefined]).map((name) => ({
            verb,
            group,
            resource,
            ...(name === undefined ? {} : { name }),
          })),
        ),
      ),
    ),
  );
  return [...new Map(all.map((right) => [JSON.stringify(right), right])).values()];
}

import { apiVersionOf, type Resource, type ResourceRegistry } from "../resources.ts";
import { noSuchPath } from "../errors.ts";
import { parseAccept } from "./negotiate.ts";
import { json } from "./answer.ts";
import { REVIEWS } from "./reviews.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const PART_VERBS = ["get", "patch", "update"];
const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** One served resource or subresource, as discovery lists it. */
interface Entry {
  name: string;
  kind: string;
  responseGroup?: string;
  responseVersion?: string;
  singular: string;
  namespaced: boolean;
  verbs: string[];
  shortNames: readonly string[];
  categories: readonly string[];
  parts: { name: string; kind: string; group?: string; version?: string; verbs: string[] }[];
}

function partsOf(resource: Resource, version: string): Entry["parts"] {
  const own = { kind: resource.kind, group: resource.group, version };
  const parts: Entry["parts"] = [];
  if (resource.hasStatus) parts.push({ name: "status", ...own, verbs: PART_VERBS });
  if (resource.scale !== undefined) {
    parts.push({ name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: PART_VERBS });
  }
  if (resource.custom) return parts;
  if (resource.kind === "Pod") {
    const exec = { kind: "PodExecOptions", group: "", version: "v1", verbs: ["create", "get"] };
    parts.push({ name: "exec", ...exec });
    parts.push({ name: "log", ...own, verbs: ["get"] });
    parts.push({ name: "proxy", kind: "PodProxyOptions", group: "", version: "v1", verbs: ["get"] });
  }
  if (resource.kind === "ServiceAccount") {
    const token = { kind: "TokenRequest", group: "authentication.k8s.io", version: "v1" };
    parts.push({ name: "token", ...token, verbs: ["create"] });
  }
  return parts;
}

function entries(registry: ResourceRegistry, group: string, version: string): Entry[] {
  const stored = registry
    .all()
    .filter((resource) => resource.group === group)
    .filter((resource) => resource.versions.some((served) => served.name === version))
    .map((resource): Entry => ({
      name: resource.resource,
      kind: resource.kind,
      singular: resource.singular,
      namespaced: resource.namespaced,
      verbs: VERBS,
      shortNames: resource.shortNames,
      categories: resource.categories,
      parts: partsOf(resource, version),
    }));
  const reviews = REVIEWS.filter((review) => review.group === group && review.version === version).map(
    (review): Entry => ({
      name: review.resource,
      kind: review.kind,
      singular: review.kind.toLowerCase(),
      namespaced: false,
      verbs: ["create"],
      shortNames: [],
      categories: [],
      parts: [],
    }),
  );
  return [...stored, ...reviews];
}

/** Groups with their versions, those of CRDs and of the reviews included. */
export function servedGroups(registry: ResourceRegistry): { group: string; versions: string[] }[] {
  const groups = registry.groups();
  for (const { group, version } of REVIEWS) {
    if (!groups.some((known) => known.group === group)) groups.push({ group, versions: [version] });
  }
  return groups;
}

function aggregated(registry: ResourceRegistry, groups: { group: string; versions: string[] }[]): unknown {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: "Current",
        resources: entries(registry, group, version).map((entry) => ({
          resource: entry.name,
          responseKind: { group, version, kind: entry.kind },
          scope: entry.namespaced ? "Namespaced" : "Cluster",
          singularResource: entry.singular,
          verbs: entry.verbs,
          ...(entry.shortNames.length === 0 ? {} : { shortNames: entry.shortNames }),
          ...(entry.categories.length === 0 ? {} : { categories: entry.categories }),
          ...(entry.parts.length === 0
            ? {}
            : {
                subresources: entry.parts.map((part) => ({
                  subresource: part.name,
                  responseKind: { group: part.group, version: part.version, kind: part.kind },
                  verbs: part.verbs,
                })),
              }),
        })),
      })),
    })),
  };
}

function resourceList(registry: ResourceRegistry, group: string, version: string): unknown {
  const listed = entries(registry, group, version);
  if (listed.length === 0) throw noSuchPath();
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf(group, version),
    resources: listed.flatMap((entry) => [
      {
        name: entry.name,
        singularName: entry.singular,
        namespaced: entry.namespaced,
        kind: entry.kind,
        verbs: entry.verbs,
        ...(entry.shortNames.length === 0 ? {} : { shortNames: entry.shortNames }),
        ...(entry.categories.length === 0 ? {} : { categories: entry.categories }),
      },
      ...entry.parts.map((part) => ({
        name: `${entry.name}/${part.name}`,
        singularName: "",
        namespaced: entry.namespaced,
        kind: part.kind,
        ...(part.group === undefined || part.group === group
          ? {}
          : { group: part.group, version: part.version }),
        verbs: part.verbs,
      })),
    ]),
  };
}

function groupOf(group: string, versions: readonly string[]): Record<string, unknown> {
  const all = versions.map((version) => ({ groupVersion: apiVersionOf(group, version), version }));
  return { name: group, versions: all, preferredVersion: all[0] };
}

/**
 * Discovery at /api, /apis, /apis/GROUP and /api(s)/…/VERSION; at the first two also aggregated (KEP-3352) when the
 * Accept header asks for it.
 */
export function discovery(registry: ResourceRegistry, path: string, accept: string | null): Response {
  const parts = path.split("/").filter((part) => part !== "");
  const groups = servedGroups(registry);
  const wantsAll = parseAccept(accept ?? "").some(
    ({ parameters }) => parameters["as"] === "APIGroupDiscoveryList" && parameters["v"] === "v2",
  );
  const [root, group = "", version] = parts;
  if (parts.length > (root === "api" ? 2 : 3)) throw noSuchPath();
  if (parts.length === 1) {
    const chosen = groups.filter((candidate) => (candidate.group === "") === (root === "api"));
    if (wantsAll) {
      return json(aggregated(registry, chosen), 200, { "content-type": AGGREGATED, vary: "Accept" });
    }
    if (root === "api")
      return json({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] });
    const list = chosen.map((candidate) => groupOf(candidate.group, candidate.versions));
    return json({ kind: "APIGroupList", apiVersion: "v1", groups: list });
  }
  if (root === "api") return json(resourceList(registry, "", group));
  if (version !== undefined) return json(resourceList(registry, group, version));
  const found = groups.find((candidate) => candidate.group === group);
  if (found === undefined || group === "") throw noSuchPath();
  return json({ kind: "APIGroup", apiVersion: "v1", ...groupOf(group, found.versions) });
}

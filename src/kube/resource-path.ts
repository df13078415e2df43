import type { ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";

export interface ResourceTarget {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/**
 * URL path of a resource, as in "API concepts" of the Kubernetes documentation: the core group under /api, others
 * under /apis. The plural is the definition's, never guessed. Each part is escaped, so no name can leave its place.
 */
export function resourcePath(def: ResourceDef, target: ResourceTarget = {}): string {
  const parts = def.group === "" ? ["api", def.version] : ["apis", def.group, def.version];
  if (def.namespaced && target.namespace !== undefined) parts.push("namespaces", target.namespace);
  parts.push(def.plural);
  if (target.name !== undefined) {
    if (def.namespaced && target.namespace === undefined) {
      throw new IsthmusError("INTERNAL", `No namespace given for ${resourceName(def)} "${target.name}"`);
    }
    parts.push(target.name);
    if (target.subresource !== undefined) parts.push(target.subresource);
  }
  for (const part of parts) {
    if (part === "" || part === "." || part === "..") {
      throw new IsthmusError("INVALID", `Cannot use "${part}" as a name of ${resourceName(def)}`);
    }
  }
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** `services`, `sites.isthmus.dev`: as kubectl names resources. */
export function resourceName(def: ResourceDef): string {
  return def.group === "" ? def.plural : `${def.plural}.${def.group}`;
}

import type { Definitions, Schema } from "./schema/schema.ts";
import { qualified } from "./errors.ts";

/** A column of a table, as CRDs declare it. */
export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  jsonPath: string;
  priority?: number;
}

export interface ScalePaths {
  specReplicas: string;
  statusReplicas: string;
  selector?: string;
}

/** One version in which a resource is served. */
export interface ServedVersion {
  readonly name: string;
  readonly schema: Schema;
  readonly columns: readonly PrinterColumn[];
  /** Printed as a Warning header on each use. */
  readonly deprecation?: string;
}

/** A kind of object that the server keeps: builtin, or made by a CRD. */
export interface Resource {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly versions: readonly ServedVersion[];
  readonly storageVersion: string;
  readonly hasStatus: boolean;
  /** `metadata.generation` counts changes of the desired state. */
  readonly hasGeneration: boolean;
  readonly scale?: ScalePaths;
  /** Made by a CRD: unknown fields, messages and strategic merge differ from builtin kinds. */
  readonly custom: boolean;
  readonly definitions: Definitions;
}

/** The key of a resource in `ClusterApi`: "pods", "deployments.apps". */
export function resourceKey(resource: Resource): string {
  return qualified(resource);
}

export function apiVersionOf(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

export function versionNamed(resource: Resource, version: string): ServedVersion {
  const found = resource.versions.find((candidate) => candidate.name === version);
  if (found === undefined) throw new Error(`${resourceKey(resource)} is not served as ${version}`);
  return found;
}

/** Every resource that is served now; CRDs come and go. */
export class ResourceRegistry {
  readonly #byKey = new Map<string, Resource>();
  /** Grows with each change: discovery and OpenAPI documents are cached under it. */
  generation = 0;

  add(resource: Resource): void {
    this.#byKey.set(resourceKey(resource), resource);
    this.generation++;
  }

  remove(key: string): void {
    if (this.#byKey.delete(key)) this.generation++;
  }

  get(key: string): Resource | undefined {
    return this.#byKey.get(key);
  }

  /** By what a request path names. */
  find(group: string, version: string, plural: string): Resource | undefined {
    const resource = this.#byKey.get(qualified({ group, resource: plural }));
    return resource?.versions.some((served) => served.name === version) === true ? resource : undefined;
  }

  findKind(group: string, kind: string): Resource | undefined {
    for (const resource of this.#byKey.values()) {
      if (resource.group === group && resource.kind === kind) return resource;
    }
    return undefined;
  }

  all(): Resource[] {
    return [...this.#byKey.values()];
  }

  /** Groups in the order of first appearance, each with its versions, the preferred one first. */
  groups(): { group: string; versions: string[] }[] {
    const groups = new Map<string, Set<string>>();
    for (const resource of this.#byKey.values()) {
      const versions = groups.get(resource.group) ?? new Set();
      for (const version of resource.versions) versions.add(version.name);
      groups.set(resource.group, versions);
    }
    return [...groups].map(([group, versions]) => ({ group, versions: [...versions].toSorted(byStability) }));
  }
}

const rank = (version: string): [number, number, number] => {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [9, 0, 0];
  const stage = match[2] === undefined ? 0 : match[2] === "beta" ? 1 : 2;
  return [stage, -Number(match[1]), -Number(match[3] ?? 0)];
};

/** Stable before beta before alpha, newer before older: the order in which kubectl prefers versions. */
export function byStability(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

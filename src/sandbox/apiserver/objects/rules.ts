import type { ApiError, KubeObject } from "../cluster-api.ts";
import { badRequest, type FieldError } from "../errors.ts";
import { copyJson, sameJson } from "../schema/schema.ts";
import type { Resource } from "../resources.ts";

/** A value of another type than the kind has is no invalid object but an unreadable one, as Go decoding says it. */
export function decodeError(resource: Resource, error: FieldError): ApiError {
  const match = /"(\w+)": (\S+) in body must be of type ([\w,]+)/.exec(error.message);
  const version = resource.storageVersion;
  const what = `${resource.kind} in version "${version}" cannot be handled as a ${resource.kind}`;
  const types = `cannot unmarshal ${match?.[1] ?? "value"} into Go struct field ${resource.kind}.${error.field} of type ${match?.[3] ?? "unknown"}`;
  return badRequest(`${what}: json: ${types}`);
}

const SYSTEM = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "resourceVersion",
  "namespace",
  "name",
  "generateName",
] as const;

/** What only the server sets stays as it was, whatever the caller sent. */
export function keepSystemMetadata(_resource: Resource, draft: KubeObject, old: KubeObject): void {
  const target = draft.metadata as unknown as Record<string, unknown>;
  delete target["selfLink"];
  for (const field of SYSTEM) {
    const value = old.metadata[field];
    if (value === undefined) delete target[field];
    else target[field] = value;
  }
  if (draft.metadata.managedFields === undefined && old.metadata.managedFields !== undefined) {
    draft.metadata.managedFields = copyJson(old.metadata.managedFields);
  }
}

/** Whether two states differ in nothing but the times of managed fields. */
export function sameButManagers(a: KubeObject, b: KubeObject): boolean {
  const strip = (object: KubeObject): unknown => ({
    ...object,
    metadata: {
      ...object.metadata,
      finalizers: object.metadata.finalizers ?? [],
      managedFields: (object.metadata.managedFields ?? []).map((entry) => ({ ...entry, time: "" })),
    },
  });
  return sameJson(strip(a), strip(b));
}

import type { ApiError, KubeObject } from "../cluster-api.ts";
import { badRequest, conflict, type FieldError, forbidden, notFound, staleVersion } from "../errors.ts";
import { copyJson, sameJson } from "../schema/schema.ts";
import { type Resource, resourceKey } from "../resources.ts";
import type { Store } from "../store/store.ts";

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
export function keepSystemMetadata(draft: KubeObject, old: KubeObject): void {
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
  return sameJson(withoutTimes(a), withoutTimes(b));
}

function withoutTimes(object: KubeObject): unknown {
  const { metadata } = object;
  const managedFields = (metadata.managedFields ?? []).map((entry) => ({ ...entry, time: "" }));
  return { ...object, metadata: { ...metadata, finalizers: metadata.finalizers ?? [], managedFields } };
}

/** `old` with the status of `draft`: what a write of the status subresource may change. */
export function withStatus(old: KubeObject, draft: KubeObject): KubeObject {
  const result = copyJson(old);
  delete result["status"];
  if (draft["status"] !== undefined) result["status"] = draft["status"];
  if (draft.metadata.managedFields !== undefined)
    result.metadata.managedFields = draft.metadata.managedFields;
  return result;
}

/** Puts a field of `draft` back to what it was. */
export function restore(draft: KubeObject, old: KubeObject, field: string): void {
  if (old[field] === undefined) delete draft[field];
  else draft[field] = copyJson(old[field]);
}

/** All but metadata and, where it is a subresource, status. */
export function desired(resource: Resource, object: KubeObject): Record<string, unknown> {
  const { metadata: _metadata, status, ...rest } = object;
  return resource.hasStatus || status === undefined ? rest : { ...rest, status };
}

/** Refuses another uid, a stale resourceVersion or another name than the stored object has. */
export function checkIdentity(resource: Resource, draft: KubeObject, old: KubeObject): void {
  const { metadata } = draft;
  if (metadata === undefined || typeof metadata !== "object") throw badRequest("metadata must be an object");
  const { name } = old.metadata;
  if (metadata.uid && metadata.uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(resource, name, why);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata.resourceVersion) {
    throw staleVersion(resource, name);
  }
  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}

/** Refuses a new object in a namespace that is not there or is being deleted. */
export function checkNamespace(store: Store, resource: Resource, draft: KubeObject): void {
  const namespace = draft.metadata.namespace ?? "";
  if (!resource.namespaced) {
    delete draft.metadata.namespace;
    return;
  }
  if (namespace === "") throw badRequest("an empty namespace may not be set during creation");
  const found = store.get("namespaces", "", namespace);
  if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
  if (found.metadata.deletionTimestamp !== undefined && resourceKey(resource) !== "events") {
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbidden(resource, draft.metadata.name, why);
  }
}

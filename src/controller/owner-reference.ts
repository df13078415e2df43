import type { KubeObject, OwnerReference } from "#api/object.ts";
import { IsthmusError } from "#core/errors.ts";

/**
 * The reference that lets the garbage collector delete an object with its owner. The owner has to be an object that
 * was read (it has a uid), in the same namespace or cluster-scoped. `controller: true` marks the one owner that
 * manages it.
 */
export function ownerReference(
  owner: KubeObject,
  options: { readonly controller?: boolean } = {},
): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined)
    throw new IsthmusError("INTERNAL", `${owner.kind} "${name}" has no uid and cannot own anything`);
  // No blockOwnerDeletion: it needs permission to update finalizers of the owner, and we do not wait for it.
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: options.controller ?? true,
  };
}

/** Whether `object` belongs to `owner`, this very one and not an earlier one of the same name. */
export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  const { uid } = owner.metadata;
  return (
    uid !== undefined && (object.metadata.ownerReferences ?? []).some((reference) => reference.uid === uid)
  );
}

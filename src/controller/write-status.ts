import { setCondition, type Condition, type KubeObject, type NewCondition } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import type { KubeClient } from "#kube/client.ts";
import { equals } from "./compare.ts";

export interface WriteStatusInput<T extends KubeObject> {
  readonly def: ResourceDef<T>;
  /** As last read. */
  readonly object: T;
  /** The whole new status. */
  readonly status: NonNullable<T["status"]>;
  readonly signal?: AbortSignal;
}

/**
 * Writes the status when it differs from the one that was read, and says whether it did: a reconcile that changes
 * nothing writes nothing, so it does not wake itself up. Throws CONFLICT when the object changed since it was read,
 * NOT_FOUND when it is gone.
 */
export async function writeStatus<T extends KubeObject>(
  client: KubeClient,
  input: WriteStatusInput<T>,
): Promise<boolean> {
  const { def, object, status, signal } = input;
  if (equals(object.status ?? {}, status)) return false;
  await client.update<T>(def, { ...object, status }, { subresource: "status", signal });
  return true;
}

/** The conditions with all of `next` set; times of transition are kept where the status stays the same. */
export function withConditions(
  conditions: readonly Condition[] | undefined,
  next: readonly NewCondition[],
  options: { readonly nowMs: number },
): Condition[] {
  const nowIso = new Date(options.nowMs).toISOString().replace(/\.\d+Z$/, "Z");
  return [
    ...next.reduce<readonly Condition[]>((all, one) => setCondition(all, one, nowIso), conditions ?? []),
  ];
}

import { createHash } from "node:crypto";
import type { KubeObject } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import { describeTarget } from "#kube/kube-error.ts";
import { resourceName } from "#kube/resource-path.ts";
import { covers } from "./compare.ts";

/** Hash of what was last applied, so that a field that is no longer wanted is noticed. */
export const APPLIED_ANNOTATION = "isthmus.dev/applied";

export interface EnsureInput<T extends KubeObject> {
  readonly def: ResourceDef<T>;
  /** All fields that shall be ours, in the form in which an API server gives them back (`500m`, not `0.5`). */
  readonly desired: NoInfer<T>;
  /** What is there, as far as a cache knows; without this field it is read. `undefined` = known to be absent. */
  readonly existing?: NoInfer<T> | undefined;
  /** Whether an object that is there already may be changed; CONFLICT if not. Without it: any may. */
  readonly mayChange?: (existing: T) => boolean;
  /** [isthmus] */
  readonly fieldManager?: string;
  readonly signal?: AbortSignal;
}

export interface Ensured<T extends KubeObject> {
  readonly object: T;
  readonly outcome: "created" | "updated" | "unchanged";
}

/**
 * Creates the object, or changes it when it does not say what is desired, by server-side apply: fields of others stay,
 * fields of ours that are no longer desired go. Writes nothing when nothing differs, so it may be called as often as
 * one likes. Throws CONFLICT when `mayChange` forbids, or when the object was replaced in between.
 */
export async function ensure<T extends KubeObject>(
  client: KubeClient,
  input: EnsureInput<T>,
): Promise<Ensured<T>> {
  const { def, signal, mayChange } = input;
  const { namespace, name } = input.desired.metadata;
  const existing = "existing" in input ? input.existing : await client.find(def, { namespace, name, signal });
  const wanted = plain(input.desired);
  const hash = createHash("sha256").update(JSON.stringify(wanted)).digest("hex").slice(0, 16);
  if (existing !== undefined) {
    if (mayChange !== undefined && !mayChange(existing)) {
      const target = describeTarget({ verb: "apply", resource: resourceName(def), namespace, name });
      throw new IsthmusError(
        "CONFLICT",
        `Cannot take over ${target}: it exists and is not managed by isthmus`,
      );
    }
    if (existing.metadata.annotations?.[APPLIED_ANNOTATION] === hash && covers(existing, wanted)) {
      return { object: existing, outcome: "unchanged" };
    }
  }
  const { metadata } = wanted;
  const body: KubeObject = {
    ...wanted,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [APPLIED_ANNOTATION]: hash },
      // Only this very object: the check above says nothing about one that took its name since.
      ...(existing?.metadata.uid === undefined || mayChange === undefined
        ? {}
        : { uid: existing.metadata.uid }),
    },
  };
  const object = await client.apply(def, body, {
    ...(input.fieldManager === undefined ? {} : { fieldManager: input.fieldManager }),
    signal,
  });
  return { object, outcome: existing === undefined ? "created" : "updated" };
}

/** A copy as it goes over the wire; `stringData` becomes `data`, since that is what one reads back. */
function plain(desired: KubeObject & { readonly stringData?: unknown }): KubeObject & { data?: object } {
  const copy: KubeObject & { stringData?: Record<string, string>; data?: object } = JSON.parse(
    JSON.stringify(desired),
  );
  if (copy.kind !== "Secret" || copy.stringData === undefined) return copy;
  const data: Record<string, unknown> = { ...copy.data };
  for (const [key, text] of Object.entries(copy.stringData)) data[key] = Buffer.from(text).toString("base64");
  delete copy.stringData;
  return { ...copy, data };
}

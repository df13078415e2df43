import type { KubeObject } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";

export interface FinalizerInput<T extends KubeObject> {
  readonly def: ResourceDef<T>;
  /** As last read. */
  readonly object: NoInfer<T>;
  /** `isthmus.dev/...` */
  readonly finalizer: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes sure that the object is not gone before `removeFinalizer`. Writes only when needed; an object that is being
 * deleted gets none any more. Returns the object as it is now. Throws CONFLICT when it changed since it was read.
 */
export async function addFinalizer<T extends KubeObject>(
  client: KubeClient,
  input: FinalizerInput<T>,
): Promise<T> {
  const { metadata } = input.object;
  const present = metadata.finalizers ?? [];
  if (present.includes(input.finalizer) || metadata.deletionTimestamp !== undefined) return input.object;
  return await write(client, { ...input, finalizers: [...present, input.finalizer] });
}

/** The reverse; an object that is gone is fine. */
export async function removeFinalizer<T extends KubeObject>(
  client: KubeClient,
  input: FinalizerInput<T>,
): Promise<void> {
  const present = input.object.metadata.finalizers ?? [];
  if (!present.includes(input.finalizer)) return;
  try {
    await write(client, { ...input, finalizers: present.filter((name) => name !== input.finalizer) });
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.code !== "NOT_FOUND") throw error;
  }
}

/** The list is written as a whole, so it carries the resource version: nobody else's finalizer is lost. */
function write<T extends KubeObject>(
  client: KubeClient,
  input: FinalizerInput<T> & { readonly finalizers: readonly string[] },
): Promise<T> {
  const { namespace, name, uid, resourceVersion } = input.object.metadata;
  const metadata = { finalizers: input.finalizers, uid, resourceVersion };
  return client.patch(input.def, {
    namespace,
    name,
    type: "merge",
    body: { metadata },
    signal: input.signal,
  });
}

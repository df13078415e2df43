import type { KubeObject } from "#api/object.ts";

/** Names one object of a kind; `namespace` is "" for cluster-scoped kinds. All that a reconcile is told. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "" };
}

/** `namespace/name`, or `name` alone; neither part can hold a slash. */
export function keyText(key: ObjectKey): string {
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}

/** Reverse of `keyText`. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return slash === -1
    ? { namespace: "", name: text }
    : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

import type { KubeObject } from "./object.ts";

/** Where a kind lives in the API. `T` is only for the compiler: what reading that resource gives. */
export interface ResourceDef<out T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set. */
  readonly "~object"?: T;
}

/** The `apiVersion` field of such an object: `v1`, `apps/v1`. */
export function apiVersionOf(def: ResourceDef): string {
  return def.group === "" ? def.version : `${def.group}/${def.version}`;
}

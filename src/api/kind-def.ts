import type { TObject } from "typebox";
import type { KubeObject } from "./object.ts";
import type { ResourceDef } from "./resource-def.ts";

/** A column of `kubectl get`. Priority 0 is always shown, 1 with `-o wide`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: number;
}

/** One of our own kinds: all that its CRD, its validation and its defaults are made from. */
export interface KindDef<T extends KubeObject = KubeObject> {
  /** With the version that is stored and that we speak. */
  readonly resource: ResourceDef<T>;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  /** Absent: the kind has no spec. */
  readonly spec?: TObject;
  /** Whether an object without spec is refused. A spec with a default is never missing. */
  readonly specRequired: boolean;
  readonly status: TObject;
  readonly columns: readonly PrinterColumn[];
  /** Versions served beside the stored one, with the same schema. */
  readonly alsoServed: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export const AGE: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** The status of one condition as a column. */
export function conditionColumn(type: string, options: { priority?: number } = {}): PrinterColumn {
  return {
    name: type,
    type: "string",
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
    ...options,
  };
}

/** The message of a condition, for `-o wide`: it says what to do. */
export function messageColumn(type: string): PrinterColumn {
  return {
    name: "Message",
    type: "string",
    jsonPath: `.status.conditions[?(@.type=="${type}")].message`,
    priority: 1,
  };
}

type Own = Pick<
  KindDef,
  "singular" | "shortNames" | "description" | "spec" | "specRequired" | "status" | "columns"
> & {
  readonly kind: string;
  readonly plural: string;
};

/** A namespaced kind of isthmus.dev/v1alpha1. */
export function isthmusKind<T extends KubeObject>(own: Own): KindDef<T> {
  const { kind, plural, ...rest } = own;
  return {
    ...rest,
    resource: { group: "isthmus.dev", version: "v1alpha1", plural, kind, namespaced: true },
    categories: ["isthmus"],
    alsoServed: [],
    labels: {},
  };
}

/**
 * A kind of multicluster.x-k8s.io (KEP-1645) as in mcs-api v0.5.0: v1beta1 is stored, v1alpha1 served with the same
 * schema. The labels tell other implementations which revision is installed, so that none goes back behind it.
 */
export function multiclusterKind<T extends KubeObject>(own: Own): KindDef<T> {
  const { kind, plural, ...rest } = own;
  return {
    ...rest,
    resource: { group: "multicluster.x-k8s.io", version: "v1beta1", plural, kind, namespaced: true },
    categories: ["multicluster"],
    alsoServed: ["v1alpha1"],
    labels: {
      "multicluster.x-k8s.io/release-version": "v0.5.0",
      "multicluster.x-k8s.io/crd-schema-revision": "0",
    },
  };
}

import type { LegacyCondition } from "./builtin.ts";
import type { KindDef, PrinterColumn } from "./kind-def.ts";
import type { KubeObject } from "./object.ts";
import { structural, type StructuralSchema } from "./structural.ts";

export interface CustomResourceDefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema: { openAPIV3Schema: StructuralSchema };
  subresources?: { status?: object };
  additionalPrinterColumns?: PrinterColumn[];
}

export interface CustomResourceDefinitionSpec {
  group: string;
  scope: "Namespaced" | "Cluster";
  names: {
    plural: string;
    singular: string;
    kind: string;
    listKind: string;
    shortNames?: string[];
    categories?: string[];
  };
  versions: CustomResourceDefinitionVersion[];
}

/** apiextensions.k8s.io/v1. */
export type CustomResourceDefinition = KubeObject<
  CustomResourceDefinitionSpec,
  { conditions?: LegacyCondition[]; acceptedNames?: object; storedVersions?: string[] }
>;

/** The CRD of a kind, as `kubectl apply` takes it. The same input gives the same output, key by key. */
export function crdOf(kind: KindDef): CustomResourceDefinition {
  const { group, plural, kind: name, version } = kind.resource;
  const labels = kind.labels;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
    },
    spec: {
      group,
      scope: kind.resource.namespaced ? "Namespaced" : "Cluster",
      names: {
        plural,
        singular: kind.singular,
        kind: name,
        listKind: `${name}List`,
        shortNames: [...kind.shortNames],
        categories: [...kind.categories],
      },
      versions: [version, ...kind.alsoServed].map((served) => ({
        name: served,
        served: true,
        storage: served === version,
        schema: { openAPIV3Schema: rootSchema(kind) },
        subresources: { status: {} },
        additionalPrinterColumns: kind.columns.map((column) => ({ ...column })),
      })),
    },
  };
}

function rootSchema(kind: KindDef): StructuralSchema {
  return {
    description: kind.description,
    type: "object",
    properties: {
      apiVersion: {
        description: "Version of the schema of this object.",
        type: "string",
      },
      kind: { description: "Kind of this object.", type: "string" },
      metadata: { type: "object" },
      ...(kind.spec === undefined ? {} : { spec: structural(kind.spec) }),
      status: structural(kind.status),
    },
    ...(kind.specRequired ? { required: ["spec"] } : {}),
  };
}

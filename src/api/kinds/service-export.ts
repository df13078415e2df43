import { type Static, Type } from "typebox";
import { AGE, multiclusterKind } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions } from "../schema.ts";

export const ServiceExportSpec = Type.Object(
  {
    exportedLabels: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "Labels that go to the ServiceImport; those of the Service itself do not.",
      }),
    ),
    exportedAnnotations: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "Annotations that go to the ServiceImport; those of the Service itself do not.",
      }),
    ),
  },
  { description: "What is exported beside the Service." },
);
export type ServiceExportSpec = Static<typeof ServiceExportSpec>;

export const ServiceExportStatus = Type.Object(
  { conditions: Type.Optional(Conditions) },
  { description: "Conditions: Valid, Ready, Conflict." },
);
export type ServiceExportStatus = Static<typeof ServiceExportStatus>;

/** `spec` may be missing: most exports say all by their name. */
export type ServiceExport = KubeObject & { spec?: ServiceExportSpec; status?: ServiceExportStatus };

export const serviceExportKind = multiclusterKind<ServiceExport>({
  kind: "ServiceExport",
  plural: "serviceexports",
  singular: "serviceexport",
  shortNames: ["svcex", "svcexport"],
  description: "The Service of the same name and namespace can be consumed from other clusters (KEP-1645).",
  spec: ServiceExportSpec,
  specRequired: false,
  status: ServiceExportStatus,
  columns: [AGE],
});

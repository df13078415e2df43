import type { KubeObject } from "../cluster-api.ts";
import { type FieldError, fieldError } from "../errors.ts";
import type { PrinterColumn, Resource, ServedVersion } from "../resources.ts";
import {
  copyJson,
  type Definitions,
  isObject,
  type JsonObject,
  REF_PREFIX,
  type Schema,
} from "../schema/schema.ts";
import type { Strategy } from "./strategy.ts";

const OBJECT_META = `${REF_PREFIX}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`;

/** Holds a definition until its objects are gone. */
export const CLEANUP = "customresourcecleanup.apiextensions.k8s.io";

interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: Schema };
  subresources?: {
    status?: JsonObject;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: PrinterColumn[];
}

interface CrdSpec {
  group: string;
  scope: "Namespaced" | "Cluster";
  names: {
    plural: string;
    kind: string;
    singular?: string;
    listKind?: string;
    shortNames?: string[];
    categories?: string[];
  };
  versions: CrdVersion[];
  conversion?: { strategy: string };
}

const AGE: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Time since creation",
};

const specOf = (crd: KubeObject): CrdSpec => crd["spec"] as CrdSpec;

/** The resource that a valid CustomResourceDefinition makes. */
export function resourceOfCrd(crd: KubeObject, definitions: Definitions): Resource {
  const { group, names, scope, versions } = specOf(crd);
  const served = versions
    .filter((version) => version.served)
    .map((version): ServedVersion => {
      const schema = completed(version.schema?.openAPIV3Schema ?? { type: "object" });
      schema["x-kubernetes-group-version-kind"] = [{ group, version: version.name, kind: names.kind }];
      return {
        name: version.name,
        schema,
        columns: version.additionalPrinterColumns ?? [AGE],
        ...(version.deprecated === true
          ? {
              deprecation:
                version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated`,
            }
          : {}),
      };
    });
  const stored = versions.find((version) => version.storage) ?? versions[0];
  const scale = stored?.subresources?.scale;
  return {
    group,
    resource: names.plural,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === "Namespaced",
    versions: served,
    storageVersion: stored?.name ?? "v1",
    hasStatus: stored?.subresources?.status !== undefined,
    hasGeneration: true,
    ...(scale === undefined
      ? {}
      : {
          scale: {
            specReplicas: scale.specReplicasPath,
            statusReplicas: scale.statusReplicasPath,
            ...(scale.labelSelectorPath === undefined ? {} : { selector: scale.labelSelectorPath }),
          },
        }),
    custom: true,
    definitions,
  };
}

/** Every object has apiVersion, kind and the metadata of Kubernetes, whatever its schema says. */
function completed(declared: Schema): Schema {
  const schema = copyJson(declared);
  schema.properties = {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    ...schema.properties,
    metadata: { allOf: [{ $ref: OBJECT_META }] },
  };
  return schema;
}

function acceptNames(object: KubeObject, time: string): void {
  const { names, versions } = specOf(object);
  const before = (isObject(object["status"]) ? object["status"] : {}) as {
    conditions?: { type: string; lastTransitionTime: string }[];
    storedVersions?: string[];
  };
  const since = (type: string): string =>
    before.conditions?.find((condition) => condition.type === type)?.lastTransitionTime ?? time;
  const stored = versions.filter((version) => version.storage).map((version) => version.name);
  object["status"] = {
    conditions: [
      {
        type: "NamesAccepted",
        status: "True",
        lastTransitionTime: since("NamesAccepted"),
        reason: "NoConflicts",
        message: "no conflicts found",
      },
      {
        type: "Established",
        status: "True",
        lastTransitionTime: since("Established"),
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
      },
      ...(before.conditions ?? []).filter(({ type }) => type !== "NamesAccepted" && type !== "Established"),
    ],
    acceptedNames: names,
    storedVersions: [...new Set([...(before.storedVersions ?? []), ...stored])],
  };
}

export const customResourceDefinitionStrategy: Strategy = {
  defaults: (object) => {
    const names = specOf(object)?.names;
    if (!isObject(names)) return;
    const kind = typeof names.kind === "string" ? names.kind : "";
    names.singular ??= kind.toLowerCase();
    names.listKind ??= `${kind}List`;
  },
  prepareCreate: (object, { time }) => {
    delete object["status"];
    object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), CLEANUP])];
    if (isObject(object["spec"]) && Array.isArray(object["spec"]["versions"])) acceptNames(object, time);
  },
  prepareUpdate: (object, _old, { time }) => {
    if (isObject(object["spec"]) && Array.isArray(object["spec"]["versions"])) acceptNames(object, time);
  },
  validate: (object, old) => {
    const spec = specOf(object);
    const errors: FieldError[] = [];
    const expected = `${spec.names.plural}.${spec.group}`;
    if (object.metadata.name !== expected) {
      const message = `must be spec.names.plural+"."+spec.group`;
      errors.push(fieldError.invalid("metadata.name", object.metadata.name, message));
    }
    if (spec.versions.filter((version) => version.storage).length !== 1) {
      const message = "must have exactly one version marked as storage version";
      errors.push(
        fieldError.invalid(
          "spec.versions",
          spec.versions.map(({ name }) => name),
          message,
        ),
      );
    }
    spec.versions.forEach((version, index) => {
      const path = `spec.versions[${index}].schema.openAPIV3Schema`;
      const schema = version.schema?.openAPIV3Schema;
      if (schema === undefined) errors.push(fieldError.required(path, "schemas are required"));
      else if (schema.type !== "object") {
        errors.push(fieldError.invalid(`${path}.type`, schema.type ?? "", "must be object at the root"));
      } else errors.push(...checkStructural(schema, path));
    });
    if (spec.conversion !== undefined && spec.conversion.strategy !== "None") {
      errors.push(fieldError.unsupported("spec.conversion.strategy", spec.conversion.strategy, ["None"]));
    }
    if (old !== undefined) {
      const before = specOf(old);
      for (const [field, was, now] of [
        ["spec.group", before.group, spec.group],
        ["spec.scope", before.scope, spec.scope],
        ["spec.names.kind", before.names.kind, spec.names.kind],
        ["spec.names.plural", before.names.plural, spec.names.plural],
      ] as const) {
        if (was !== now) errors.push(fieldError.invalid(field, now, "field is immutable"));
      }
    }
    return errors;
  },
};

/** Structural schemas (KEP-1693): a type everywhere, no references, items for arrays. */
function checkStructural(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.$ref !== undefined) errors.push(fieldError.forbidden(`${path}.$ref`, "$ref is not supported"));
  const typeless =
    schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema.type === undefined && !typeless) {
    errors.push(fieldError.required(`${path}.type`, "must not be empty for specified object fields"));
  }
  if (schema.type === "array" && schema.items === undefined) {
    errors.push(fieldError.required(`${path}.items`, "must be specified for arrays"));
  }
  if (schema["x-kubernetes-list-type"] === "map" && !schema["x-kubernetes-list-map-keys"]?.length) {
    const message = "must not be empty if x-kubernetes-list-type is map";
    errors.push(fieldError.required(`${path}.x-kubernetes-list-map-keys`, message));
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (path.endsWith("openAPIV3Schema") && name === "metadata") continue;
    errors.push(...checkStructural(field, `${path}.properties[${name}]`));
  }
  if (isObject(schema.items)) errors.push(...checkStructural(schema.items, `${path}.items`));
  if (typeof schema.additionalProperties === "object") {
    errors.push(...checkStructural(schema.additionalProperties, `${path}.additionalProperties`));
  }
  return errors;
}

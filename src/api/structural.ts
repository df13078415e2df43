import type { TSchema } from "typebox";
import { IsthmusError } from "#core/errors.ts";
import { unionConstants } from "./expected.ts";
import { RULES } from "./schema.ts";
import { mapValueOf, type SchemaView, viewOf } from "./schema-view.ts";

/** A structural schema of apiextensions.k8s.io/v1, of the keywords that we use. */
export interface StructuralSchema {
  description?: string;
  type?: string;
  format?: string;
  nullable?: boolean;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  additionalProperties?: StructuralSchema;
  minProperties?: number;
  maxProperties?: number;
  items?: StructuralSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  "x-kubernetes-list-type"?: string;
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-validations"?: { rule: string; message: string }[];
}

/** Keywords that mean the same in JSON Schema and in a CRD. */
const COPIED = [
  "description",
  "type",
  "format",
  "default",
  "minProperties",
  "maxProperties",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "pattern",
  "minimum",
  "maximum",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
] as const satisfies (keyof StructuralSchema & keyof SchemaView)[];
const TRANSLATED = [
  "properties",
  "required",
  "items",
  "patternProperties",
  "additionalProperties",
  "enum",
  "const",
  "anyOf",
];
const KNOWN: ReadonlySet<string> = new Set([...COPIED, ...TRANSLATED]);

/**
 * The Kubernetes form of a schema ("Specifying a structural schema", apiextensions v1). A union of constants becomes an
 * enum, a record becomes additionalProperties, rules become x-kubernetes-validations. A property with a default is never
 * listed as required, since the API server fills it in before it validates. Throws INTERNAL on a keyword that a CRD
 * cannot carry: nothing is dropped in silence.
 */
export function structural(schema: TSchema): StructuralSchema {
  return convert(viewOf(schema));
}

function convert(source: SchemaView): StructuralSchema {
  const stray = Object.keys(source).find((key) => !KNOWN.has(key) && !key.startsWith("~"));
  if (stray !== undefined) {
    throw new IsthmusError("INTERNAL", `A CRD cannot carry the schema keyword "${stray}"`);
  }
  const copied = COPIED.filter((key) => source[key] !== undefined).map((key) => [
    key,
    structuredClone(source[key]),
  ]);
  const rules = source[RULES]?.map(({ cel, message }) => ({ rule: cel, message }));
  const out: StructuralSchema = {
    ...Object.fromEntries(copied),
    ...values(source),
    ...children(source),
    ...(rules === undefined ? {} : { "x-kubernetes-validations": rules }),
  };
  if (out.type === undefined)
    throw new IsthmusError("INTERNAL", "A structural schema needs a type everywhere");
  return out;
}

function values(source: SchemaView): Partial<StructuralSchema> {
  if (source.enum !== undefined) return { enum: [...source.enum] };
  if (source.const !== undefined) return { enum: [source.const] };
  if (source.anyOf === undefined) return {};
  const constants = unionConstants(source);
  if (constants === undefined || constants.some((constant) => typeof constant !== "string")) {
    throw new IsthmusError("INTERNAL", "A CRD can carry a union only when it is one of strings");
  }
  return { type: "string", enum: [...constants] };
}

function children(source: SchemaView): Partial<StructuralSchema> {
  const out: Partial<StructuralSchema> = {};
  if (source.items !== undefined) out.items = convert(source.items);
  if (source.properties !== undefined) {
    const properties = Object.entries(source.properties);
    out.properties = Object.fromEntries(properties.map(([name, property]) => [name, convert(property)]));
    const missing = source.required?.filter((name) => source.properties?.[name]?.default === undefined) ?? [];
    if (missing.length > 0) out.required = missing;
  }
  const mapValue = mapValueOf(source);
  if (mapValue !== undefined) {
    if (Object.keys(source.patternProperties ?? {}).some((pattern) => !ANY_KEY.has(pattern))) {
      throw new IsthmusError("INTERNAL", "A CRD cannot tell keys of a map apart by pattern");
    }
    out.additionalProperties = convert(mapValue);
  }
  return out;
}

/** How TypeBox says "any string" of a key. */
const ANY_KEY: ReadonlySet<string> = new Set(["^.*$"]);

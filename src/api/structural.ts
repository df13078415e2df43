import type { TSchema } from "typebox";
import { IsthmusError } from "#core/errors.ts";
import { RULES, type Rule } from "./schema.ts";

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
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
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
  "x-kubernetes-int-or-string",
  "x-kubernetes-preserve-unknown-fields",
] as const satisfies (keyof StructuralSchema)[];
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
  const source = schema as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    if (!KNOWN.has(key) && !key.startsWith("~")) {
      throw new IsthmusError("INTERNAL", `A CRD cannot carry the schema keyword "${key}"`);
    }
  }
  for (const key of COPIED) if (source[key] !== undefined) out[key] = structuredClone(source[key]);
  Object.assign(out, values(source), children(source));
  const rules = source[RULES] as readonly Rule<unknown>[] | undefined;
  if (rules !== undefined) {
    out["x-kubernetes-validations"] = rules.map(({ cel, message }) => ({ rule: cel, message }));
  }
  if (out["type"] === undefined && out["x-kubernetes-int-or-string"] !== true) {
    throw new IsthmusError(
      "INTERNAL",
      `A structural schema needs a type: ${JSON.stringify(source).slice(0, 80)}`,
    );
  }
  return out as StructuralSchema;
}

function values(source: Record<string, unknown>): Partial<StructuralSchema> {
  if (Array.isArray(source["enum"])) return { enum: [...(source["enum"] as unknown[])] };
  if (source["const"] !== undefined) return { enum: [source["const"]] };
  if (!Array.isArray(source["anyOf"])) return {};
  const constants = (source["anyOf"] as Record<string, unknown>[]).map((branch) => branch["const"]);
  const types = new Set(constants.map((constant) => typeof constant));
  if (types.size !== 1 || !types.has("string")) {
    throw new IsthmusError("INTERNAL", "A CRD can carry a union only when it is one of strings");
  }
  return { type: "string", enum: constants };
}

function children(source: Record<string, unknown>): Partial<StructuralSchema> {
  const out: Partial<StructuralSchema> = {};
  if (source["items"] !== undefined) out.items = structural(source["items"] as TSchema);
  if (source["properties"] !== undefined) {
    const properties = source["properties"] as Record<string, TSchema>;
    out.properties = {};
    for (const [name, property] of Object.entries(properties)) out.properties[name] = structural(property);
    const required = (source["required"] as string[] | undefined) ?? [];
    const missing = required.filter(
      (name) => (properties[name] as { default?: unknown }).default === undefined,
    );
    if (missing.length > 0) out.required = missing;
  }
  if (source["patternProperties"] !== undefined) {
    const patterns = Object.entries(source["patternProperties"] as Record<string, TSchema>);
    const [first] = patterns;
    if (patterns.length !== 1 || first === undefined || !ANY_KEY.has(first[0])) {
      throw new IsthmusError("INTERNAL", "A CRD cannot tell keys of a map apart by pattern");
    }
    out.additionalProperties = structural(first[1]);
  }
  const additional = source["additionalProperties"];
  if (typeof additional === "object" && additional !== null)
    out.additionalProperties = structural(additional);
  return out;
}

/** Patterns by which TypeBox says "any string". */
export const ANY_KEY: ReadonlySet<string> = new Set(["^.*$", "^(.*)$"]);

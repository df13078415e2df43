/**
 * One schema form for everything: builtin kinds (from `definitions*.ts`) and custom ones (from their CRD). It is
 * OpenAPI v3 as CRDs write it, so that discovery, validation, defaulting, pruning, merging and `kubectl explain` all
 * read the same thing.
 */
export interface Schema {
  $ref?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  default?: unknown;
  enum?: unknown[];
  nullable?: boolean;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-map-type"?: "atomic" | "granular";
  "x-kubernetes-patch-strategy"?: string;
  "x-kubernetes-patch-merge-key"?: string;
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-embedded-resource"?: boolean;
  "x-kubernetes-validations"?: { rule: string; message?: string; [key: string]: unknown }[];
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
}

export const REF_PREFIX = "#/components/schemas/";

/** Named schemas that `$ref` points to. */
export class Definitions {
  readonly byName = new Map<string, Schema>();

  /** Follows `$ref` (also the single-element `allOf` around it) to the schema itself. */
  deref(schema: Schema): Schema {
    const ref = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
    if (ref === undefined) return schema;
    const found = this.byName.get(ref.slice(REF_PREFIX.length));
    if (found === undefined) throw new Error(`no schema ${ref}`);
    return found;
  }

  /** The schema with its own merge hints kept over those of what it refers to. */
  field(parent: Schema, name: string): Schema | undefined {
    const own = parent.properties?.[name];
    if (own !== undefined) return own;
    const rest = parent.additionalProperties;
    return typeof rest === "object" ? rest : undefined;
  }
}

/** Whether fields that the schema does not name are kept as they are. */
export function isOpen(schema: Schema): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true;
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equality of JSON values; key order does not matter, undefined fields are absent ones. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  for (const key in a) if (!sameJson(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** A deep copy without undefined fields. */
export function copyJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

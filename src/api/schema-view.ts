import type { TSchema } from "typebox";
import type { EXPECTED, Rule, RULES } from "./schema.ts";

/** The keywords that we read of a schema; TypeBox's own type hides them. */
export interface SchemaView {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly SchemaView[];
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaView | boolean;
  readonly patternProperties?: Readonly<Record<string, SchemaView>>;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: SchemaView;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** The value is a secret: never shown in a message. */
  readonly writeOnly?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly [RULES]?: readonly Rule<unknown>[];
  readonly [EXPECTED]?: string;
}

/** The schema with its keywords in sight. */
export function viewOf(schema: TSchema): SchemaView {
  return schema;
}

/** An object with fields, no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Pattern that the keys of a map must match, where there is one. */
export function mapKeyPatternOf(schema: SchemaView): string | undefined {
  return Object.keys(schema.patternProperties ?? {})[0];
}

/** Schema of the values of a map; undefined when the schema describes no map. */
export function mapValueOf(schema: SchemaView): SchemaView | undefined {
  if (typeof schema.additionalProperties === "object") return schema.additionalProperties;
  return Object.values(schema.patternProperties ?? {})[0];
}

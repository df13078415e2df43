import { show } from "./problem.ts";
import { EXPECTED } from "./schema.ts";
import type { SchemaView } from "./schema-view.ts";

/** What a schema wants, in words that follow "expected": `a whole number from 1 to 1000`. */
export function expected(schema: SchemaView): string {
  if (schema[EXPECTED] !== undefined) return schema[EXPECTED];
  const allowed = schema.enum ?? unionConstants(schema);
  if (allowed !== undefined) return `one of ${allowed.map(show).join(", ")}`;
  if (schema.const !== undefined) return show(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(expected).join(" or ");
  switch (schema.type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return text(schema);
    case "array":
      return `a list${counted(schema.minItems, schema.maxItems, "item")}`;
    case "object":
      return `an object${counted(schema.minProperties, schema.maxProperties, "field")}`;
    default:
      return "a value";
  }
}

/** The values of a union of constants; undefined for any other schema. */
export function unionConstants(schema: SchemaView): readonly unknown[] | undefined {
  const constants = schema.anyOf?.map((branch) => branch.const);
  return constants === undefined || constants.includes(undefined) ? undefined : constants;
}

function text(schema: SchemaView): string {
  if (schema.format === "date-time") return "a time like 2026-01-31T12:00:00Z";
  const bounds = counted(schema.minLength, schema.maxLength, "character");
  return schema.pattern === undefined ? `text${bounds}` : `text${bounds} that matches ${schema.pattern}`;
}

function range(schema: SchemaView): string {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  if (above !== undefined) return ` above ${above}`;
  return below === undefined ? "" : ` below ${below}`;
}

function counted(least: number | undefined, most: number | undefined, unit: string): string {
  const some = least !== undefined && least > 0;
  if (some && most !== undefined) return ` of ${least} to ${most} ${unit}s`;
  if (some) return ` of at least ${least} ${unit}${least === 1 ? "" : "s"}`;
  return most === undefined ? "" : ` of at most ${most} ${unit}${most === 1 ? "" : "s"}`;
}

import type { TSchema } from "typebox";
import { isRecord, mapValueOf, type SchemaView, viewOf } from "./schema-view.ts";

/**
 * A copy of the value with the defaults of its schema filled in, as the API server does it ("Defaulting" of structural
 * schemas): a missing field, or one that is null, gets its default; fields inside are filled in when the object is there.
 * What the schema does not know stays as it is.
 */
export function withSchemaDefaults(schema: TSchema, value: unknown): unknown {
  return fill(viewOf(schema), value);
}

function fill(schema: SchemaView, value: unknown): unknown {
  if (value === undefined || value === null) {
    return schema.default === undefined ? undefined : fill(schema, schema.default);
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    return value.map((item): unknown =>
      items === undefined ? structuredClone(item) : (fill(items, item) ?? null),
    );
  }
  if (!isRecord(value)) return value;
  const properties = schema.properties ?? {};
  const values = mapValueOf(schema);
  const out: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : values;
    const filled = known === undefined ? structuredClone(field) : fill(known, field);
    if (filled !== undefined) setField(out, { key, value: filled });
  }
  for (const [key, property] of Object.entries(properties)) {
    if (Object.hasOwn(out, key)) continue;
    const filled = fill(property, undefined);
    if (filled !== undefined) out[key] = filled;
  }
  return out;
}

/** Also for a field named `__proto__`, which an assignment would take for the prototype. */
function setField(object: Record<string, unknown>, field: { key: string; value: unknown }): void {
  Object.defineProperty(object, field.key, {
    value: field.value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

import { copyJson, type Definitions, isObject, isOpen, type JsonObject, type Schema } from "./schema.ts";

/**
 * Removes what the schema does not know, in place, and answers the paths of it (`spec.foo`,
 * `spec.containers[0].foo`), as the API server reports them for fieldValidation Warn and Strict.
 * `extra` names fields of the root that are always known.
 */
export function prune(value: JsonObject, schema: Schema, definitions: Definitions): string[] {
  const unknown: string[] = [];
  const walk = (item: unknown, declared: Schema, path: string, embedded: boolean): void => {
    const shape = definitions.deref(declared);
    if (Array.isArray(item)) {
      const { items } = shape;
      if (items !== undefined) item.forEach((entry, index) => walk(entry, items, `${path}[${index}]`, false));
      return;
    }
    if (!isObject(item)) return;
    const open = isOpen(shape) || isOpen(declared);
    const known = embedded || shape["x-kubernetes-embedded-resource"] === true;
    for (const name of Object.keys(item)) {
      const field = definitions.field(shape, name);
      const at = path === "" ? name : `${path}.${name}`;
      if (field !== undefined) {
        if (!(known && name === "metadata" && definitions.deref(field).properties === undefined)) {
          walk(item[name], field, at, false);
        }
      } else if (!open && !(known && (name === "apiVersion" || name === "kind" || name === "metadata"))) {
        unknown.push(at);
        delete item[name];
      }
    }
  };
  walk(value, schema, "", true);
  return unknown;
}

/** Fills in `default` values, in place: an absent field gets its default, which is then itself filled. */
export function applyDefaults(value: unknown, declared: Schema, definitions: Definitions): void {
  const schema = definitions.deref(declared);
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const item of value) applyDefaults(item, schema.items, definitions);
    return;
  }
  if (!isObject(value)) return;
  for (const name in schema.properties) {
    const field = schema.properties[name];
    if (field === undefined) continue;
    const current = value[name];
    if (
      field.default !== undefined &&
      (current === undefined || (current === null && field.nullable !== true))
    ) {
      value[name] = copyJson(field.default);
    }
    if (typeof value[name] === "object") applyDefaults(value[name], field, definitions);
  }
  if (typeof schema.additionalProperties === "object") {
    for (const name in value) {
      if (schema.properties?.[name] === undefined) {
        applyDefaults(value[name], schema.additionalProperties, definitions);
      }
    }
  }
}

/** Removes nulls from objects, in place: in Go an explicit null of a builtin kind is the same as absence. */
export function dropNulls(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      if (value[name] === null) delete value[name];
      else dropNulls(value[name]);
    }
  }
}

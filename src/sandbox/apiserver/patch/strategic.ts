import { badRequest } from "../errors.ts";
import {
  copyJson,
  type Definitions,
  isObject,
  type JsonObject,
  sameJson,
  type Schema,
} from "../schema/schema.ts";

/**
 * Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch): like a JSON merge patch, but lists whose
 * schema has the patch strategy "merge" are merged by their merge key. Directives: `$patch: delete|replace|merge`,
 * `$deleteFromPrimitiveList/x`, `$setElementOrder/x`, `$retainKeys`.
 */
export function strategicMerge(
  original: JsonObject,
  patch: JsonObject,
  context: { schema: Schema; definitions: Definitions },
): JsonObject {
  return new StrategicMerger(context.definitions).object(original, patch, context.schema);
}

const ORDER = "$setElementOrder/";
const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";

class StrategicMerger {
  readonly #definitions: Definitions;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  object(original: JsonObject, patch: JsonObject, declared: Schema | undefined): JsonObject {
    const directive = patch["$patch"];
    if (directive === "replace") return withoutDirectives(patch);
    if (directive === "delete") return {};
    if (directive !== undefined && directive !== "merge") {
      throw badRequest(
        `Unknown $patch directive ${JSON.stringify(directive)}: expected merge, replace or delete`,
      );
    }
    const schema = declared === undefined ? undefined : this.#definitions.deref(declared);
    const result: JsonObject = { ...original };
    const retain = patch["$retainKeys"];
    if (Array.isArray(retain)) {
      for (const name of Object.keys(result)) if (!retain.includes(name)) delete result[name];
    }
    for (const [name, value] of Object.entries(patch)) {
      if (name.startsWith(DELETE_PRIMITIVES)) {
        const list = name.slice(DELETE_PRIMITIVES.length);
        const current = result[list];
        if (Array.isArray(current) && Array.isArray(value)) {
          result[list] = current.filter((item) => !value.some((gone) => sameJson(gone, item)));
        }
      } else if (!name.startsWith("$")) {
        this.#field(
          result,
          name,
          value,
          schema === undefined ? undefined : this.#definitions.field(schema, name),
        );
      }
    }
    for (const [name, order] of Object.entries(patch)) {
      if (name.startsWith(ORDER) && Array.isArray(order)) {
        const list = name.slice(ORDER.length);
        const field = schema === undefined ? undefined : this.#definitions.field(schema, list);
        const current = result[list];
        if (Array.isArray(current))
          result[list] = reorder(current, order, field?.["x-kubernetes-patch-merge-key"]);
      }
    }
    return result;
  }

  #field(result: JsonObject, name: string, value: unknown, field: Schema | undefined): void {
    if (value === null) {
      delete result[name];
      return;
    }
    const current = result[name];
    if (isObject(value)) {
      if (value["$patch"] === "delete") delete result[name];
      else if (field?.["x-kubernetes-map-type"] === "atomic") result[name] = withoutDirectives(value);
      else result[name] = this.object(isObject(current) ? current : {}, value, field);
      return;
    }
    const strategy = field?.["x-kubernetes-patch-strategy"] ?? "";
    if (Array.isArray(value) && strategy.split(",").includes("merge")) {
      result[name] = this.#list(Array.isArray(current) ? current : [], value, field ?? {}, name);
    } else {
      result[name] = copyJson(value);
    }
  }

  #list(original: unknown[], patch: unknown[], field: Schema, name: string): unknown[] {
    const key = field["x-kubernetes-patch-merge-key"];
    if (key === undefined) {
      const added = patch.filter((item) => !original.some((present) => sameJson(present, item)));
      return [...original, ...added];
    }
    if (patch.some((item) => isObject(item) && item["$patch"] === "replace" && item[key] === undefined)) {
      return patch.filter((item) => !(isObject(item) && item["$patch"] === "replace")).map(copyJson);
    }
    const result = [...original];
    for (const item of patch) {
      if (!isObject(item)) throw badRequest(`Each item of "${name}" must be an object`);
      if (item[key] === undefined) {
        throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
      }
      const at = result.findIndex((present) => isObject(present) && sameJson(present[key], item[key]));
      if (item["$patch"] === "delete") {
        if (at >= 0) result.splice(at, 1);
        continue;
      }
      const present = at < 0 ? undefined : result[at];
      const merged = this.object(isObject(present) ? present : {}, item, field.items);
      if (at < 0) result.push(merged);
      else result[at] = merged;
    }
    return result;
  }
}

function withoutDirectives(value: JsonObject): JsonObject {
  const copy = copyJson(value);
  for (const name of Object.keys(copy)) if (name.startsWith("$")) delete copy[name];
  return copy;
}

/** Items that `order` names come in that order; the others keep their place after the item they followed. */
function reorder(list: unknown[], order: unknown[], key: string | undefined): unknown[] {
  const keyOf = (item: unknown): string =>
    JSON.stringify(key === undefined || !isObject(item) ? item : item[key]);
  const rank = new Map(order.map((item, index) => [keyOf(item), index]));
  const named = list
    .filter((item) => rank.has(keyOf(item)))
    .toSorted((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  let next = 0;
  return list.map((item) => (rank.has(keyOf(item)) ? named[next++] : item));
}

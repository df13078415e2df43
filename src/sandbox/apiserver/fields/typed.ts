import {
  copyJson,
  type Definitions,
  isObject,
  type JsonObject,
  sameJson,
  type Schema,
} from "../schema/schema.ts";
import { type FieldSet, fieldsOf, hinted, isEmptySet, itemElement, listKind, union } from "./field-set.ts";

/** Comparison, merge and removal of fields by schema, as structured-merge-diff does them. */

export interface Difference {
  /** Added, or has another value. */
  changed: FieldSet;
  removed: FieldSet;
}

export function compareTyped(
  before: JsonObject,
  after: JsonObject,
  context: { schema: Schema; definitions: Definitions },
): Difference {
  const { definitions } = context;
  const changed: FieldSet = {};
  const removed: FieldSet = {};

  /** All members at and below a value that came or went as a whole. */
  const whole = (value: unknown, schema: Schema | undefined, element: string): FieldSet => {
    const fields = fieldsOf({ value }, { properties: { value: schema ?? {} } }, definitions);
    const inner = fields["f:value"] ?? {};
    return element.startsWith("k:") && !isEmptySet(inner) ? { ".": {}, ...inner } : inner;
  };

  const visit = (a: unknown, b: unknown, declared: Schema | undefined, into: Difference): boolean => {
    if (a === b) return true;
    const schema = declared === undefined ? {} : hinted(declared, definitions);
    const pairs = pairsOf(a, b, schema, definitions);
    if (pairs === undefined) return sameJson(a, b);
    for (const [element, [left, right, child]] of pairs) {
      if (left === undefined && right === undefined) continue;
      if (left === undefined) into.changed[element] = whole(right, child, element);
      else if (right === undefined) into.removed[element] = whole(left, child, element);
      else {
        const below: Difference = { changed: {}, removed: {} };
        if (!visit(left, right, child, below)) into.changed[element] = whole(right, child, element);
        else {
          if (!isEmptySet(below.changed)) into.changed[element] = below.changed;
          if (!isEmptySet(below.removed)) into.removed[element] = below.removed;
        }
      }
    }
    return true;
  };
  visit(before, after, context.schema, { changed, removed });
  return { changed, removed };
}

type Pair = [left: unknown, right: unknown, schema: Schema | undefined];

/** The children of two values by path element; undefined when they are compared as one value. */
function pairsOf(
  a: unknown,
  b: unknown,
  schema: Schema,
  definitions: Definitions,
): Map<string, Pair> | undefined {
  const pairs = new Map<string, Pair>();
  if (isObject(a) && isObject(b)) {
    if (schema["x-kubernetes-map-type"] === "atomic") return undefined;
    for (const name in a) pairs.set(`f:${name}`, [a[name], b[name], definitions.field(schema, name)]);
    for (const name in b) {
      if (a[name] === undefined)
        pairs.set(`f:${name}`, [undefined, b[name], definitions.field(schema, name)]);
    }
    return pairs;
  }
  if (!Array.isArray(a) || !Array.isArray(b) || listKind(schema) === "atomic") return undefined;
  for (const item of a) pairs.set(itemElement(item, schema, definitions), [item, undefined, schema.items]);
  for (const item of b) {
    const element = itemElement(item, schema, definitions);
    pairs.set(element, [pairs.get(element)?.[0], item, schema.items]);
  }
  return pairs;
}

/** `live` with everything that `applied` sets. Granular maps and associative lists are merged, the rest replaced. */
export function mergeTyped(
  live: unknown,
  applied: unknown,
  declared: Schema | undefined,
  definitions: Definitions,
): unknown {
  const schema = declared === undefined ? {} : hinted(declared, definitions);
  if (isObject(live) && isObject(applied) && schema["x-kubernetes-map-type"] !== "atomic") {
    const result: JsonObject = { ...live };
    for (const name in applied) {
      result[name] = mergeTyped(live[name], applied[name], definitions.field(schema, name), definitions);
    }
    return result;
  }
  if (Array.isArray(live) && Array.isArray(applied) && listKind(schema) !== "atomic") {
    const result = new Map<string, unknown>();
    for (const item of live) result.set(itemElement(item, schema, definitions), item);
    for (const item of applied) {
      const element = itemElement(item, schema, definitions);
      result.set(element, mergeTyped(result.get(element), item, schema.items, definitions));
    }
    return [...result.values()];
  }
  return copyJson(applied);
}

/**
 * `value` without the members of `gone`, except what `kept` (the fields of all other managers) holds at or below
 * them. A map or list that becomes empty by it goes too.
 */
export function removeTyped(
  value: unknown,
  sets: { gone: FieldSet; kept: FieldSet },
  declared: Schema | undefined,
  definitions: Definitions,
): unknown {
  const schema = declared === undefined ? {} : hinted(declared, definitions);
  const below = (item: unknown, element: string, child: Schema | undefined): unknown => {
    const gone = sets.gone[element];
    if (gone === undefined) return item;
    const kept = sets.kept[element];
    const isMember = gone["."] !== undefined || isEmptySet(gone);
    if (isMember && kept === undefined) return undefined;
    return removeTyped(item, { gone, kept: kept ?? {} }, child, definitions);
  };
  if (isObject(value)) {
    const result: JsonObject = {};
    let removed = false;
    for (const name in value) {
      const rest = below(value[name], `f:${name}`, definitions.field(schema, name));
      if (rest === undefined) removed = true;
      else result[name] = rest;
    }
    return removed && Object.keys(result).length === 0 ? undefined : result;
  }
  if (Array.isArray(value) && listKind(schema) !== "atomic") {
    const result = value
      .map((item) => below(item, itemElement(item, schema, definitions), schema.items))
      .filter((item) => item !== undefined);
    return result.length === 0 && value.length > 0 ? undefined : result;
  }
  return value;
}

/** The union of many sets. */
export function unionAll(sets: readonly FieldSet[]): FieldSet {
  return sets.reduce((all, set) => union(all, set), {});
}

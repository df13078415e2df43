import { type Definitions, isObject, type JsonObject, type Schema } from "../schema/schema.ts";

/**
 * A set of fields, in the form of FieldsV1 (KEP-555): a tree whose keys are path elements (`f:name`, `k:{"name":"x"}`,
 * `v:value`). A node with no children is a member; a node with children is one when it holds ".".
 */
export interface FieldSet {
  [element: string]: FieldSet;
}

const isLeaf = (set: FieldSet): boolean => {
  for (const _ in set) return false;
  return true;
};

const isMember = (set: FieldSet): boolean => isLeaf(set) || set["."] !== undefined;

export function isEmptySet(set: FieldSet | undefined): boolean {
  return set === undefined || isLeaf(set);
}

const combine = (children: FieldSet, member: boolean): FieldSet | undefined => {
  if (isLeaf(children)) return member ? {} : undefined;
  if (member) children["."] = {};
  return children;
};

/** The root is never a member: an empty root is the empty set. */
export function union(a: FieldSet, b: FieldSet, root = true): FieldSet {
  const children: FieldSet = {};
  for (const key in a) if (key !== ".") children[key] = a[key] ?? {};
  for (const key in b) {
    if (key === ".") continue;
    const mine = a[key];
    const theirs = b[key] ?? {};
    children[key] = mine === undefined ? theirs : union(mine, theirs, false);
  }
  return combine(children, !root && (isMember(a) || isMember(b))) ?? {};
}

/** Members of `a` that are not members of `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return differenceNode(a, b, true) ?? {};
}

function differenceNode(a: FieldSet, b: FieldSet | undefined, root = false): FieldSet | undefined {
  if (b === undefined) return a;
  const children: FieldSet = {};
  for (const key in a) {
    if (key === ".") continue;
    const rest = differenceNode(a[key] ?? {}, b[key]);
    if (rest !== undefined) children[key] = rest;
  }
  return combine(children, !root && isMember(a) && !isMember(b));
}

/** Members of both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return intersectionNode(a, b, true) ?? {};
}

function intersectionNode(a: FieldSet, b: FieldSet, root = false): FieldSet | undefined {
  const children: FieldSet = {};
  for (const key in a) {
    const other = key === "." ? undefined : b[key];
    if (other === undefined) continue;
    const both = intersectionNode(a[key] ?? {}, other);
    if (both !== undefined) children[key] = both;
  }
  return combine(children, !root && isMember(a) && isMember(b));
}

/** Members of `set` at or below a member of `prefixes`, removed. */
export function withoutBelow(set: FieldSet, prefixes: FieldSet): FieldSet {
  const children: FieldSet = {};
  for (const key in set) {
    const prefix = prefixes[key];
    const value = set[key] ?? {};
    if (prefix === undefined) children[key] = value;
    else if (!isMember(prefix)) {
      const rest = withoutBelow(value, prefix);
      if (!isLeaf(rest) || isLeaf(value)) children[key] = rest;
    }
  }
  return children;
}

/** Paths of all members, as conflicts print them: `.spec.containers[name="x"].image`. */
export function pathsOf(set: FieldSet, prefix = ""): string[] {
  const paths: string[] = [];
  for (const key in set) {
    if (key === ".") continue;
    const node = set[key] ?? {};
    const path = prefix + elementText(key);
    if (isMember(node)) paths.push(path);
    paths.push(...pathsOf(node, path));
  }
  return paths;
}

function elementText(element: string): string {
  const body = element.slice(2);
  if (element.startsWith("f:")) return `.${body}`;
  if (element.startsWith("k:")) {
    const key = JSON.parse(body) as JsonObject;
    return `[${Object.entries(key)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(",")}]`;
  }
  return `[=${body}]`;
}

/** How a list is merged: by keys, as a set, or as one value. */
export function listKind(field: Schema): "map" | "set" | "atomic" {
  return field["x-kubernetes-list-type"] ?? "atomic";
}

/** The path element of a list item. Absent key fields take the default of their schema (`protocol: TCP`). */
export function itemElement(item: unknown, field: Schema, definitions: Definitions): string {
  if (listKind(field) === "set") return `v:${JSON.stringify(item)}`;
  const keys: JsonObject = {};
  const shape = field.items === undefined ? undefined : definitions.deref(field.items);
  for (const key of (field["x-kubernetes-list-map-keys"] ?? []).toSorted()) {
    const value = isObject(item) ? item[key] : undefined;
    const fallback = shape?.properties?.[key]?.default;
    if (value !== undefined || fallback !== undefined) keys[key] = value ?? fallback;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Merge hints stand on the reference, the rest on what it refers to. */
export function hinted(declared: Schema, definitions: Definitions): Schema {
  const target = definitions.deref(declared);
  if (target === declared) return declared;
  const { allOf: _allOf, $ref: _ref, ...hints } = declared;
  return { ...target, ...hints };
}

/** All fields that a value sets. Atomic lists and maps are one member. */
export function fieldsOf(value: JsonObject, schema: Schema, definitions: Definitions): FieldSet {
  return fieldsOfNode(value, schema, definitions) ?? {};
}

function fieldsOfNode(value: unknown, declared: Schema | undefined, definitions: Definitions): FieldSet {
  const schema = declared === undefined ? {} : hinted(declared, definitions);
  if (isObject(value) && schema["x-kubernetes-map-type"] !== "atomic") {
    const set: FieldSet = {};
    for (const name in value) {
      if (value[name] !== undefined) {
        set[`f:${name}`] = fieldsOfNode(value[name], definitions.field(schema, name), definitions);
      }
    }
    return set;
  }
  if (Array.isArray(value) && listKind(schema) !== "atomic") {
    const set: FieldSet = {};
    for (const item of value) {
      const children = fieldsOfNode(item, schema.items, definitions);
      set[itemElement(item, schema, definitions)] = isLeaf(children) ? {} : { ".": {}, ...children };
    }
    return set;
  }
  return {};
}

import { type Definitions, REF_PREFIX, type Schema } from "./schema.ts";

/**
 * A compact notation for the builtin kinds, one line per field:
 *
 *   package io.k8s.api.core.v1
 *   Container: a process of a pod                 (a type; its fields are indented)
 *     name! string                                (! = required)
 *     image string ; the program                  (; description)
 *     ports []ContainerPort @containerPort,protocol   (list-map keys; the first one is the patch merge key)
 *     finalizers []string set
 *     protocol string =TCP                        (default, JSON or a bare word)
 *     type string enum=A|B
 *     selector LabelSelector atomic
 *
 * Types: string int int64 number bool time microtime bytes intstr quantity any map<T> []T or a type's name.
 */
export function parseSchemas(text: string, definitions: Definitions): void {
  const names = new Map<string, string>();
  for (const name of definitions.byName.keys()) names.set(name.slice(name.lastIndexOf(".") + 1), name);
  const pending: { schema: Schema; lines: string[] }[] = [];
  let prefix = "";
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    if (line.startsWith("package ")) {
      prefix = line.slice(8).trim();
    } else if (!line.startsWith(" ")) {
      const [name = "", description] = line.split(/:\s*/, 2);
      const schema: Schema = { type: "object", ...(description ? { description } : {}), properties: {} };
      names.set(name, `${prefix}.${name}`);
      definitions.byName.set(`${prefix}.${name}`, schema);
      pending.push({ schema, lines: [] });
    } else {
      pending.at(-1)?.lines.push(line.trim());
    }
  }
  for (const { schema, lines } of pending) {
    for (const line of lines) addField(schema, line, names);
  }
}

function addField(owner: Schema, line: string, names: ReadonlyMap<string, string>): void {
  const [declaration = "", description] = line.split(" ; ", 2);
  const [rawName = "", typeText = "", ...options] = declaration.trim().split(/\s+/);
  const required = rawName.endsWith("!");
  const name = required ? rawName.slice(0, -1) : rawName;
  const field = typeOf(typeText, names);
  if (description !== undefined) field.description = description;
  for (const option of options) applyOption(field, option);
  if (required) (owner.required ??= []).push(name);
  (owner.properties ??= {})[name] = field;
}

function applyOption(field: Schema, option: string): void {
  if (option.startsWith("@")) {
    const keys = option.slice(1).split(",");
    field["x-kubernetes-list-type"] = "map";
    field["x-kubernetes-list-map-keys"] = keys;
    field["x-kubernetes-patch-strategy"] = "merge";
    field["x-kubernetes-patch-merge-key"] = keys[0] ?? "name";
  } else if (option === "set") {
    field["x-kubernetes-list-type"] = "set";
    field["x-kubernetes-patch-strategy"] = "merge";
  } else if (option === "retain") {
    const strategy = field["x-kubernetes-patch-strategy"];
    field["x-kubernetes-patch-strategy"] = strategy === undefined ? "retainKeys" : `${strategy},retainKeys`;
  } else if (option === "atomic") {
    field["x-kubernetes-map-type"] = "atomic";
  } else if (option.startsWith("enum=")) {
    field.enum = option.slice(5).split("|");
  } else if (option.startsWith("=")) {
    field.default = bareOrJson(option.slice(1));
  } else {
    throw new Error(`Unknown schema option "${option}"`);
  }
}

function bareOrJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function typeOf(text: string, names: ReadonlyMap<string, string>): Schema {
  if (text.startsWith("[]")) {
    return { type: "array", items: typeOf(text.slice(2), names), "x-kubernetes-list-type": "atomic" };
  }
  if (text.startsWith("map<")) {
    return { type: "object", additionalProperties: typeOf(text.slice(4, -1), names) };
  }
  switch (text) {
    case "string":
      return { type: "string" };
    case "int":
      return { type: "integer", format: "int32" };
    case "int64":
      return { type: "integer", format: "int64" };
    case "number":
      return { type: "number" };
    case "bool":
      return { type: "boolean" };
    case "time":
      return { type: "string", format: "date-time" };
    case "microtime":
      return { type: "string", format: "date-time" };
    case "bytes":
      return { type: "string", format: "byte" };
    case "intstr":
      return { "x-kubernetes-int-or-string": true, format: "int-or-string" };
    case "quantity":
      return { "x-kubernetes-int-or-string": true, format: "quantity" };
    case "any":
      return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    default: {
      const name = names.get(text);
      if (name === undefined) throw new Error(`Unknown schema type "${text}"`);
      return { allOf: [{ $ref: REF_PREFIX + name }] };
    }
  }
}

import { didYouMean } from "./did-you-mean.ts";
import { expected, unionConstants } from "./expected.ts";
import { fieldPath, type Problem, show } from "./problem.ts";
import { RULES } from "./schema.ts";
import { isRecord, mapKeyPatternOf, mapValueOf, type SchemaView } from "./schema-view.ts";

/** Beyond these nobody reads on, and a hostile value is not worth the work. */
export const MOST_PROBLEMS = 50;

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly problems: Problem[];
}

/** Adds what is wrong with the value, which has its defaults already. */
export function check(schema: SchemaView, place: Place): void {
  const { value, path, problems } = place;
  if (problems.length >= MOST_PROBLEMS) return;
  const before = problems.length;
  if (value === undefined || value === null) {
    problems.push({ path, message: `Missing: expected ${expected(schema)}` });
    return;
  }
  const allowed = schema.enum ?? (schema.const === undefined ? unionConstants(schema) : [schema.const]);
  if (allowed !== undefined) {
    if (!allowed.includes(value)) mismatch(schema, place);
  } else if (schema.anyOf !== undefined) checkUnion(schema.anyOf, place);
  else checkType(schema, place);
  if (problems.length > before) return;
  for (const rule of schema[RULES] ?? []) {
    if (rule.test !== undefined && !rule.test(value)) problems.push({ path, message: rule.message });
  }
}

function mismatch(schema: SchemaView, { value, path, problems }: Place): void {
  const secret = schema.writeOnly === true;
  const words = (schema.enum ?? unionConstants(schema) ?? []).filter((word) => typeof word === "string");
  const meant = typeof value === "string" && !secret ? didYouMean(value, words) : undefined;
  const got = secret ? "another value" : show(value);
  const suggestion = meant === undefined ? "" : `: did you mean ${show(meant)}?`;
  problems.push({ path, message: `Expected ${expected(schema)}, got ${got}${suggestion}` });
}

/** The problems of the branch that fits best: fewest problems, and of those the one that went deepest. */
function checkUnion(branches: readonly SchemaView[], place: Place): void {
  let best: Problem[] | undefined;
  for (const branch of branches) {
    const problems: Problem[] = [];
    check(branch, { ...place, problems });
    if (problems.length === 0) return;
    if (best === undefined || rank(problems, place.path) < rank(best, place.path)) best = problems;
  }
  place.problems.push(...(best ?? []));
}

function rank(problems: readonly Problem[], path: string): number {
  const wrongAsWhole = problems.some((problem) => problem.path === path);
  return problems.length + (wrongAsWhole ? MOST_PROBLEMS : 0);
}

function checkType(schema: SchemaView, place: Place): void {
  const { value } = place;
  switch (schema.type) {
    case "object":
      if (isRecord(value)) checkObject(schema, { ...place, value });
      else mismatch(schema, place);
      return;
    case "array":
      if (Array.isArray(value)) checkList(schema, { ...place, value });
      else mismatch(schema, place);
      return;
    case "string":
      if (typeof value !== "string" || !stringFits(schema, value)) mismatch(schema, place);
      return;
    case "integer":
    case "number":
      if (typeof value !== "number" || !numberFits(schema, value)) mismatch(schema, place);
      return;
    case "boolean":
      if (typeof value !== "boolean") mismatch(schema, place);
      return;
    case undefined:
      return;
    default:
      mismatch(schema, place);
  }
}

function checkObject(schema: SchemaView, place: Place & { readonly value: Record<string, unknown> }): void {
  const { value, path, problems } = place;
  const properties = schema.properties ?? {};
  const values = mapValueOf(schema);
  const open =
    schema.additionalProperties === true || (schema.properties === undefined && values === undefined);
  const names = Object.keys(value);
  if (!open && values === undefined) {
    const known = Object.keys(properties);
    for (const name of names) {
      if (Object.hasOwn(properties, name)) continue;
      if (problems.length >= MOST_PROBLEMS) return;
      const unused = known.filter((candidate) => !Object.hasOwn(value, candidate));
      problems.push({ path: fieldPath(path, name), message: unknownField(name, { known, unused }) });
    }
  }
  const count = names.length;
  if (count < (schema.minProperties ?? 0) || count > (schema.maxProperties ?? Infinity))
    mismatch(schema, place);
  const required = new Set(schema.required);
  for (const [name, property] of Object.entries(properties)) {
    const field = Object.hasOwn(value, name) ? value[name] : undefined;
    if (field === undefined && !required.has(name)) continue;
    check(property, { value: field, path: fieldPath(path, name), problems });
  }
  if (values === undefined) return;
  const pattern = mapKeyPatternOf(schema);
  const keys = pattern === undefined ? undefined : new RegExp(pattern, "u");
  for (const name of names) {
    if (Object.hasOwn(properties, name)) continue;
    const at = fieldPath(path, name);
    if (keys === undefined || keys.test(name)) check(values, { value: value[name], path: at, problems });
    else problems.push({ path: at, message: `Expected a key that matches ${pattern}, got ${show(name)}` });
  }
}

function unknownField(name: string, fields: { known: readonly string[]; unused: readonly string[] }): string {
  // A field that is there already is a poorer guess, unless a default put it there.
  const meant = didYouMean(name, fields.unused) ?? didYouMean(name, fields.known);
  if (meant !== undefined) return `Unknown field ${show(name)}: did you mean ${show(meant)}?`;
  if (fields.known.length === 0) return `Unknown field ${show(name)}: no fields are known here`;
  return `Unknown field ${show(name)}: known are ${fields.known.join(", ")}`;
}

function checkList(schema: SchemaView, place: Place & { readonly value: readonly unknown[] }): void {
  const { value, path, problems } = place;
  if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) {
    mismatch(schema, place);
    return;
  }
  const before = problems.length;
  for (const [index, item] of value.entries()) {
    if (problems.length >= MOST_PROBLEMS) return;
    if (schema.items !== undefined) check(schema.items, { value: item, path: `${path}[${index}]`, problems });
  }
  if (problems.length === before) checkDuplicates(schema, place);
}

function checkDuplicates(schema: SchemaView, place: Place & { readonly value: readonly unknown[] }): void {
  const keys = schema["x-kubernetes-list-map-keys"];
  const asSet = schema.uniqueItems === true || schema["x-kubernetes-list-type"] === "set";
  if (keys === undefined && !asSet) return;
  const seen = new Map<string, number>();
  for (const [index, item] of place.value.entries()) {
    const key = JSON.stringify(keys === undefined || !isRecord(item) ? item : keys.map((name) => item[name]));
    const first = seen.get(key);
    seen.set(key, first ?? index);
    if (first === undefined) continue;
    const what = keys === undefined ? "value" : keys.join(", ");
    place.problems.push({
      path: `${place.path}[${index}]`,
      message: `Expected another ${what} than in ${place.path}[${first}]`,
    });
  }
}

function stringFits(schema: SchemaView, value: string): boolean {
  // The API server counts characters, not UTF-16 units.
  const length = Array.from(value).length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) return false;
  if (schema.format === "date-time" && !DATE_TIME.test(value)) return false;
  return schema.pattern === undefined || new RegExp(schema.pattern, "u").test(value);
}

/** RFC 3339 section 5.6. */
const DATE_TIME =
  /^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

function numberFits(schema: SchemaView, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (schema.type === "integer" && !Number.isSafeInteger(value)) return false;
  if (schema.format === "int32" && Math.abs(value) > 2 ** 31 - 1) return false;
  return (
    value >= (schema.minimum ?? -Infinity) &&
    value <= (schema.maximum ?? Infinity) &&
    value > (schema.exclusiveMinimum ?? -Infinity) &&
    value < (schema.exclusiveMaximum ?? Infinity)
  );
}

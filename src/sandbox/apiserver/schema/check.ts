import { type FieldError, fieldError } from "../errors.ts";
import { type Definitions, isObject, type JsonObject, sameJson, type Schema } from "./schema.ts";

const typeName = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
};

const hasType = (value: unknown, type: NonNullable<Schema["type"]>): boolean => {
  const found = typeName(value);
  return found === type || (type === "number" && found === "integer");
};

const child = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/**
 * Checks a value against a structural schema; answers one error per field, worded as kube-apiserver does (the
 * go-openapi messages: `spec.cost in body should be less than or equal to 10`). `x-kubernetes-validations` (CEL)
 * are not evaluated here.
 */
export function checkSchema(value: unknown, schema: Schema, definitions: Definitions): FieldError[] {
  const errors: FieldError[] = [];
  new Checker(definitions, errors).check(value, schema, "");
  return errors;
}

class Checker {
  readonly #definitions: Definitions;
  readonly #errors: FieldError[];

  constructor(definitions: Definitions, errors: FieldError[]) {
    this.#definitions = definitions;
    this.#errors = errors;
  }

  check(value: unknown, declared: Schema, path: string): void {
    const schema = this.#definitions.deref(declared);
    if (value === null && (schema.nullable === true || declared.nullable === true)) return;
    const intOrString = schema["x-kubernetes-int-or-string"] === true;
    if (intOrString && (typeof value === "string" || typeof value === "number")) {
      if (typeof value === "string") this.#string(value, schema, path);
      return;
    }
    const expected = intOrString ? "integer,string" : schema.type;
    if (expected !== undefined && (intOrString || !hasType(value, schema.type ?? "object"))) {
      const found = typeName(value);
      const message = `${path} in body must be of type ${expected}: ${JSON.stringify(found)}`;
      this.#errors.push(fieldError.type(path, found, message));
      return;
    }
    const allowed = declared.enum ?? schema.enum;
    if (allowed !== undefined && !allowed.some((candidate) => sameJson(candidate, value))) {
      this.#errors.push(fieldError.unsupported(path, value, allowed));
    }
    if (typeof value === "string") this.#string(value, schema, path);
    else if (typeof value === "number") this.#number(value, schema, path);
    else if (Array.isArray(value)) this.#array(value, schema, path, declared);
    else if (isObject(value)) this.#object(value, schema, path);
    this.#combined(value, schema, path);
  }

  #fail(path: string, value: unknown, message: string): void {
    this.#errors.push(fieldError.invalid(path, value, `${path} in body ${message}`));
  }

  #string(value: string, schema: Schema, path: string): void {
    const length = Array.from(value).length;
    if (schema.maxLength !== undefined && length > schema.maxLength) {
      const message = `Too long: may not be more than ${schema.maxLength} bytes`;
      this.#errors.push({ reason: "FieldValueTooLong", message, field: path });
    }
    if (schema.minLength !== undefined && length < schema.minLength) {
      this.#fail(path, value, `should be at least ${schema.minLength} chars long`);
    }
    if (schema.pattern !== undefined && !matches(schema, schema.pattern, value)) {
      this.#fail(path, value, `should match '${schema.pattern}'`);
    }
    if (schema.format === "date-time" && Number.isNaN(Date.parse(value))) {
      this.#fail(path, value, `must be of type date-time: ${JSON.stringify(value)}`);
    }
    if (schema.format === "byte" && !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) {
      this.#fail(path, value, `must be of type byte: ${JSON.stringify(value)}`);
    }
  }

  #number(value: number, schema: Schema, path: string): void {
    const { minimum, maximum, multipleOf } = schema;
    if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
      const than = schema.exclusiveMinimum === true ? "greater than" : "greater than or equal to";
      this.#fail(path, value, `should be ${than} ${minimum}`);
    }
    if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
      const than = schema.exclusiveMaximum === true ? "less than" : "less than or equal to";
      this.#fail(path, value, `should be ${than} ${maximum}`);
    }
    if (multipleOf !== undefined && value % multipleOf !== 0) {
      this.#fail(path, value, `should be a multiple of ${multipleOf}`);
    }
    if (schema.format === "int32" && Math.abs(value) > 2 ** 31) {
      this.#fail(path, value, `must be of type int32: ${value}`);
    }
  }

  #array(value: unknown[], schema: Schema, path: string, declared: Schema): void {
    if (schema.maxItems !== undefined && value.length > schema.maxItems) {
      this.#errors.push(fieldError.tooMany(path, value.length, schema.maxItems));
    }
    if (schema.minItems !== undefined && value.length < schema.minItems) {
      this.#fail(path, value.length, `should have at least ${schema.minItems} items`);
    }
    const { items } = schema;
    if (items !== undefined) value.forEach((item, index) => this.check(item, items, `${path}[${index}]`));
    this.#distinct(value, declared, path);
  }

  /** Lists that are sets or maps hold nothing twice. */
  #distinct(value: unknown[], schema: Schema, path: string): void {
    const type = schema["x-kubernetes-list-type"];
    if (type === undefined || type === "atomic") return;
    const keys = schema["x-kubernetes-list-map-keys"] ?? [];
    const seen = new Set<string>();
    value.forEach((item, index) => {
      const key =
        type === "set" || !isObject(item) ? item : Object.fromEntries(keys.map((k) => [k, item[k]]));
      const text = JSON.stringify(key);
      if (seen.has(text)) this.#errors.push(fieldError.duplicate(`${path}[${index}]`, key));
      seen.add(text);
    });
  }

  #object(value: JsonObject, schema: Schema, path: string): void {
    for (const name of schema.required ?? []) {
      if (value[name] === undefined) this.#errors.push(fieldError.required(child(path, name)));
    }
    const count = Object.keys(value).length;
    if (schema.maxProperties !== undefined && count > schema.maxProperties) {
      this.#errors.push(fieldError.tooMany(path, count, schema.maxProperties));
    }
    if (schema.minProperties !== undefined && count < schema.minProperties) {
      this.#fail(path, count, `should have at least ${schema.minProperties} properties`);
    }
    for (const [name, item] of Object.entries(value)) {
      const field = this.#definitions.field(schema, name);
      if (field !== undefined && item !== undefined) this.check(item, field, child(path, name));
    }
  }

  #combined(value: unknown, schema: Schema, path: string): void {
    const passes = (option: Schema): boolean => {
      const errors: FieldError[] = [];
      new Checker(this.#definitions, errors).check(value, option, path);
      return errors.length === 0;
    };
    for (const part of schema.allOf ?? []) if (part.$ref === undefined) this.check(value, part, path);
    if (schema.anyOf !== undefined && !schema.anyOf.some(passes)) {
      this.#fail(path, value, "must validate at least one schema (anyOf)");
    }
    if (schema.oneOf !== undefined && schema.oneOf.filter(passes).length !== 1) {
      this.#fail(path, value, "must validate one and only one schema (oneOf)");
    }
    if (schema.not !== undefined && passes(schema.not)) {
      this.#fail(path, value, "must not validate the schema (not)");
    }
  }
}

const compiled = new WeakMap<Schema, RegExp | "unreadable">();

/** Go's RE2 and JavaScript agree on what CRDs use; a pattern that JavaScript cannot read refuses nothing. */
function matches(schema: Schema, pattern: string, value: string): boolean {
  let regex = compiled.get(schema);
  if (regex === undefined) compiled.set(schema, (regex = compile(pattern)));
  return regex === "unreadable" || regex.test(value);
}

function compile(pattern: string): RegExp | "unreadable" {
  for (const flags of ["u", ""]) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      // The stricter syntax first; what neither reads is not held against the value.
    }
  }
  return "unreadable";
}

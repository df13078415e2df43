import type { Static, TSchema } from "typebox";
import { IsthmusError } from "#core/errors.ts";
import { check, MOST_PROBLEMS } from "./check.ts";
import { withSchemaDefaults } from "./defaults.ts";
import { formatProblem, type Problem } from "./problem.ts";
import { isRecord, type SchemaView, viewOf } from "./schema-view.ts";

export interface Validator<T> {
  /**
   * All that is wrong with the value, at most 50 problems, an object's unknown fields before its others; empty when it is right. The value is
   * judged with its defaults filled in, and is not changed.
   */
  problems(value: unknown): Problem[];
  /** The value with its defaults. Throws INVALID that names the first problem and how many more there are. */
  parse(value: unknown, options?: { readonly what?: string; readonly hint?: string }): T;
  /** The value with its defaults, not judged. */
  withDefaults(value: unknown): unknown;
}

/**
 * Judges values by a TypeBox schema, for people: each problem has the path of its field, what was found and what was
 * expected; a field that the schema does not have is refused, with the name that was probably meant. An object takes
 * unknown fields only with `additionalProperties: true`. `writeOnly: true` marks secrets, whose values are never shown.
 *
 * Throws INTERNAL on a keyword that it does not know, so that no bound is skipped in silence. Cost of a judgement: linear
 * in the size of the value (times branches for a union).
 */
export function compileValidator<S extends TSchema>(schema: S): Validator<Static<S>> {
  const view = viewOf(schema);
  refuseUnknownKeywords(view);
  const withDefaults = (value: unknown): unknown => withSchemaDefaults(schema, value);
  const judge = (filled: unknown): Problem[] => {
    const problems: Problem[] = [];
    check(view, { value: filled, path: "", problems });
    return problems.slice(0, MOST_PROBLEMS);
  };
  return {
    problems: (value) => judge(withDefaults(value)),
    withDefaults,
    parse(value, options = {}) {
      const filled = withDefaults(value);
      throwIfAny(judge(filled), options);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- judged just above
      return filled as Static<S>;
    },
  };
}

/** Throws INVALID with the first problem, when there is one. `what` stands before it: `Cannot use router.yaml`. */
export function throwIfAny(
  problems: readonly Problem[],
  options: { readonly what?: string; readonly hint?: string } = {},
): void {
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const head = options.what === undefined ? "" : `${options.what}: `;
  throw new IsthmusError(
    "INVALID",
    `${head}${formatProblem(first)}${more}`,
    options.hint === undefined ? {} : { hint: options.hint },
  );
}

const KEYWORDS: ReadonlySet<string> = new Set([
  "$id",
  "title",
  "description",
  "examples",
  "type",
  "format",
  "default",
  "enum",
  "const",
  "anyOf",
  "properties",
  "required",
  "additionalProperties",
  "patternProperties",
  "minProperties",
  "maxProperties",
  "items",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minLength",
  "maxLength",
  "pattern",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "writeOnly",
  "readOnly",
]);
const FORMATS: ReadonlySet<string> = new Set(["int32", "int64", "date-time", "double"]);

function refuseUnknownKeywords(schema: SchemaView): void {
  for (const key of Object.keys(schema)) {
    if (!KEYWORDS.has(key) && !key.startsWith("~") && !key.startsWith("x-")) {
      throw new IsthmusError("INTERNAL", `The validator does not know the schema keyword "${key}"`);
    }
  }
  if (schema.format !== undefined && !FORMATS.has(schema.format)) {
    throw new IsthmusError("INTERNAL", `The validator does not know the format "${schema.format}"`);
  }
  const patterns = Object.keys(schema.patternProperties ?? {});
  if (patterns.length > 1) {
    throw new IsthmusError("INTERNAL", "The validator knows maps of one kind of value only");
  }
  for (const child of [
    schema.items,
    schema.additionalProperties,
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
    ...(schema.anyOf ?? []),
  ]) {
    if (isRecord(child)) refuseUnknownKeywords(child);
  }
}

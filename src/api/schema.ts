import {
  Type,
  type Static,
  type TArray,
  type TArrayOptions,
  type TEnum,
  type TInteger,
  type TNumberOptions,
  type TSchema,
  type TSchemaOptions,
  type TString,
  type TStringOptions,
} from "typebox";
import type { Condition } from "./object.ts";

/**
 * Building blocks of the schemas. Each is written so that its CRD form is structural, and bounded, so that the API server
 * can tell the cost of its CEL rules before it accepts the CRD.
 */

/**
 * A rule that plain JSON Schema cannot say. `cel` is checked by the API server (x-kubernetes-validations), `test` by us;
 * both must mean the same. A rule that compares with the object's former state (`oldSelf`) has no `test`.
 */
export interface Rule<T> {
  readonly cel: string;
  readonly message: string;
  readonly test?: (value: T) => boolean;
}

/** Schema key that carries the rules; never leaves this program. */
export const RULES = "~rules";
/** Schema key with words for what `pattern` wants; never leaves this program. */
export const EXPECTED = "~expected";

/** The schema with rules added to it. */
export function withRules<S extends TSchema>(schema: S, rules: readonly Rule<Static<S>>[]): S {
  // With descriptors, since TypeBox keeps its own marks (kind, optional) where a spread does not see them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of the schema was copied
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as S;
  return Object.assign(copy, { [RULES]: rules });
}

/** A whole number; int32 unless a format is given. */
export function integer(options: TNumberOptions): TInteger {
  return Type.Integer({ format: "int32", ...options });
}

/** A TCP or UDP port. */
export function portNumber(description: string): TInteger {
  return integer({ description, minimum: 1, maximum: 65_535 });
}

/** One of these strings. */
export function oneOf<const Values extends string[]>(
  values: readonly [...Values],
  options: TSchemaOptions,
): TEnum<Values> {
  return Type.Enum(values, { type: "string", ...options });
}

interface PatternOptions extends Omit<TStringOptions, "pattern"> {
  readonly pattern: string;
  /** In words, after "Expected": `a DNS label`. */
  readonly expected: string;
}

/** A string of a given form. The pattern must mean the same in RE2 (API server) and in JavaScript, and not backtrack. */
export function formed(options: PatternOptions): TString {
  const { expected, ...rest } = options;
  return Type.String({ ...rest, [EXPECTED]: expected });
}

/** A list whose items are told apart by `keys` (x-kubernetes-list-type: map), so that two appliers can share it. */
export function mapList<S extends TSchema>(
  item: S,
  options: TArrayOptions & { keys: readonly string[] },
): TArray<S> {
  const { keys, ...rest } = options;
  return Type.Array(item, {
    ...rest,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys,
  });
}

/** RFC 1123 label or subdomain, as Kubernetes wants names; no longer than `maxLength`. */
export function dnsName(description: string, maxLength = 253): TString {
  return formed({
    description,
    minLength: 1,
    maxLength,
    pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    expected: "a DNS name of lower case letters, digits, - and .",
  });
}

/** Host name, IPv4 or IPv6 address without brackets. */
export function host(description: string): TString {
  return formed({
    description,
    minLength: 1,
    maxLength: 253,
    pattern: "^[A-Za-z0-9:]([-A-Za-z0-9.:_%]*[A-Za-z0-9:])?$",
    expected: "a host name or IP address without brackets",
  });
}

/** A duration as Go writes it: 500ms, 30s, 15m, 1h30m. */
export function duration(options: Omit<TStringOptions, "pattern">): TString {
  return formed({
    minLength: 2,
    maxLength: 32,
    pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$",
    expected: "a duration like 500ms, 30s, 15m or 1h30m",
    ...options,
  });
}

/** metav1.Condition list, map by type. Bounds and patterns as in apimachinery's generated schema. */
export const Conditions = Type.Unsafe<Condition[]>(
  mapList(
    Type.Object(
      {
        type: Type.String({
          description: "Type of condition in CamelCase.",
          maxLength: 316,
          pattern:
            "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        }),
        status: oneOf(["True", "False", "Unknown"], { description: "Status of the condition." }),
        reason: Type.String({
          description: "Why, in CamelCase, for programs.",
          minLength: 1,
          maxLength: 1024,
          pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        }),
        message: Type.String({ description: "Why, for people; may be empty.", maxLength: 32_768 }),
        lastTransitionTime: Type.String({
          description: "When the status last changed.",
          format: "date-time",
        }),
        observedGeneration: Type.Optional(
          integer({ description: "The metadata.generation that was judged.", format: "int64", minimum: 0 }),
        ),
      },
      { description: "One aspect of the present state (metav1.Condition)." },
    ),
    { description: "Conditions of the present state.", keys: ["type"], maxItems: 32 },
  ),
);

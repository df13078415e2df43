import { describe, expect, test } from "bun:test";
import { Type } from "typebox";
import { formatProblem } from "./problem.ts";
import { integer, mapList, oneOf, withRules } from "./schema.ts";
import { compileValidator } from "./validate.ts";

const Shape = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 5 }),
  cost: integer({ minimum: 1, maximum: 1000, default: 1 }),
  mode: Type.Optional(Type.Union([Type.Literal("Fast"), Type.Literal("Safe")])),
  ports: Type.Optional(Type.Record(Type.String({ pattern: "^[0-9]+$" }), integer({ minimum: 1 }))),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  peers: Type.Optional(
    mapList(Type.Object({ host: Type.String(), weight: integer({ default: 7 }) }), {
      keys: ["host"],
      maxItems: 3,
    }),
  ),
  key: Type.Optional(Type.String({ pattern: "^-----BEGIN", writeOnly: true })),
  at: Type.Optional(Type.String({ format: "date-time" })),
  inner: Type.Object({ deep: Type.Boolean({ default: true }) }, { default: {} }),
});
const validator = compileValidator(Shape);
const says = (value: unknown): string[] => validator.problems(value).map(formatProblem);

describe("compileValidator", () => {
  test("accepts what is right and fills in the defaults, also inside defaults and list items", () => {
    const input = { name: "a", peers: [{ host: "h" }] };
    expect(says(input)).toEqual([]);
    expect(validator.parse(input)).toEqual({
      name: "a",
      cost: 1,
      peers: [{ host: "h", weight: 7 }],
      inner: { deep: true },
    });
    expect(input).toEqual({ name: "a", peers: [{ host: "h" }] });
  });

  test.each([
    [
      { nmae: "a" },
      [
        'nmae: Unknown field "nmae": did you mean "name"?',
        "name: Missing: expected text of 1 to 5 characters",
      ],
    ],
    [
      { name: "a", zone: 1 },
      ['zone: Unknown field "zone": known are name, cost, mode, ports, labels, peers, key, at, inner'],
    ],
    [{ name: "a", cost: "7" }, ['cost: Expected a whole number from 1 to 1000, got "7"']],
    [{ name: "a", cost: 1.5 }, ["cost: Expected a whole number from 1 to 1000, got 1.5"]],
    [{ name: "a", cost: 0 }, ["cost: Expected a whole number from 1 to 1000, got 0"]],
    [{ name: "a", mode: "fast" }, ['mode: Expected one of "Fast", "Safe", got "fast": did you mean "Fast"?']],
    [{ name: "a", ports: { http: 80 } }, ['ports.http: Expected a key that matches ^[0-9]+$, got "http"']],
    [{ name: "a", ports: { "80": 0 } }, ['ports["80"]: Expected a whole number of at least 1, got 0']],
    [{ name: "a", labels: { "a.b/c": 3 } }, ['labels["a.b/c"]: Expected text, got 3']],
    [{ name: "a", peers: {} }, ["peers: Expected a list of at most 3 items, got an object"]],
    [
      { name: "a", peers: [{ host: "x" }, { hots: "y" }] },
      ['peers[1].hots: Unknown field "hots": did you mean "host"?', "peers[1].host: Missing: expected text"],
    ],
    [
      { name: "a", peers: [{ host: "x" }, { host: "x" }] },
      ["peers[1]: Expected another host than in peers[0]"],
    ],
    [{ name: "a", peers: [null] }, ["peers[0]: Missing: expected an object"]],
    [{ name: "a", at: "yesterday" }, ['at: Expected a time like 2026-01-31T12:00:00Z, got "yesterday"']],
    [[], ["Expected an object, got a list of 0"]],
    [undefined, ["Missing: expected an object"]],
    ["x", ['Expected an object, got "x"']],
  ])("refuses %j and names the field", (value, expected) => {
    expect(says(value)).toEqual(expected);
  });

  test("null is nothing: a default, or a missing field", () => {
    expect(validator.parse({ name: "a", cost: null, mode: null, inner: null })).toEqual({
      name: "a",
      cost: 1,
      inner: { deep: true },
    });
    expect(says({ name: null })).toEqual(["name: Missing: expected text of 1 to 5 characters"]);
  });

  test("counts characters, not UTF-16 units", () => {
    expect(says({ name: "😀😀😀😀😀" })).toEqual([]);
    expect(says({ name: "😀😀😀😀😀😀" })).toHaveLength(1);
  });

  test("shows no secret, no long text and no text of several lines", () => {
    expect(says({ name: "a", key: "hunter2" })).toEqual([
      "key: Expected text that matches ^-----BEGIN, got another value",
    ]);
    expect(says({ name: "x\ny", mode: "-----BEGIN PRIVATE KEY-----\nabc" }).join()).not.toContain("PRIVATE");
    expect(says({ name: "s".repeat(500) })).toEqual([
      "name: Expected text of 1 to 5 characters, got text of 500 characters",
    ]);
  });

  test("prototype names are unknown fields, and pollute nothing", () => {
    const hostile: unknown = JSON.parse(
      '{"name":"a","__proto__":{"polluted":1},"constructor":{},"labels":{"__proto__":"x"}}',
    );
    const problems = validator.problems(hostile).map((problem) => problem.path);
    expect(problems).toEqual(["__proto__", "constructor"]);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    const filled = validator.withDefaults(hostile);
    expect(Object.getPrototypeOf(filled)).toBe(Object.prototype);
  });

  test("a hostile value costs little and gives at most 50 problems", () => {
    const hostile: Record<string, unknown> = { name: "a" };
    for (let i = 0; i < 100_000; i++) hostile[`field${i}`] = i;
    expect(validator.problems(hostile)).toHaveLength(50);
  });

  test("rules are judged on the value with its defaults, and only when its shape is right", () => {
    const ruled = compileValidator(
      withRules(Type.Object({ a: integer({ default: 2 }), b: Type.Optional(integer({})) }), [
        { cel: "self.a > 1", message: "a must be above 1", test: (value) => value.a > 1 },
      ]),
    );
    expect(ruled.problems({})).toEqual([]);
    expect(ruled.problems({ a: 1 })).toEqual([{ path: "", message: "a must be above 1" }]);
    expect(ruled.problems({ a: "x" })).toHaveLength(1);
  });

  test("an optional schema with rules stays optional", () => {
    const Outer = Type.Object({
      a: withRules(Type.Optional(Type.String()), [{ cel: "true", message: "m", test: () => true }]),
    });
    expect(compileValidator(Outer).problems({})).toEqual([]);
  });

  test("a union of objects is judged by the branch that fits best", () => {
    const union = compileValidator(
      Type.Union([
        Type.Object({ file: Type.String() }),
        Type.Object({ inline: Type.String(), weight: integer({}) }),
        Type.String(),
      ]),
    );
    expect(union.problems("x")).toEqual([]);
    expect(union.problems({ inline: "x", weight: 1 })).toEqual([]);
    expect(union.problems({ inline: "x", weight: "1" })).toEqual([
      { path: "weight", message: 'Expected a whole number, got "1"' },
    ]);
  });

  test("parse throws INVALID with the first problem and the number of the others", () => {
    expect(() =>
      validator.parse({ cost: 0, inner: 3 }, { what: "Cannot use router.yaml", hint: "Fix it" }),
    ).toThrow("Cannot use router.yaml: name: Missing: expected text of 1 to 5 characters (and 2 more)");
  });

  test("a keyword that it does not know is refused when the schema is compiled", () => {
    for (const schema of [
      Type.Object({ a: Type.Intersect([Type.Object({}), Type.Object({})]) }),
      Type.String({ format: "ipv4" }),
      Type.Array(Type.String({ contentEncoding: "base64" })),
    ]) {
      expect(() => compileValidator(schema)).toThrow("does not know");
    }
  });

  test("an object is open only when it says so", () => {
    expect(compileValidator(Type.Object({}, { additionalProperties: true })).problems({ a: 1 })).toEqual([]);
    expect(
      compileValidator(Type.Object({}, { additionalProperties: false })).problems({ a: 1 }),
    ).toHaveLength(1);
    expect(compileValidator(Type.Object({})).problems({ a: 1 })).toHaveLength(1);
    expect(compileValidator(Type.Unknown()).problems({ a: 1 })).toEqual([]);
    expect(compileValidator(oneOf(["a"], {})).problems("a")).toEqual([]);
  });
});

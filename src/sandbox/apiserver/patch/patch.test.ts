import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { builtinResources } from "../builtin.ts";
import type { KubeObject } from "../cluster-api.ts";
import { copyJson, isObject, sameJson } from "../schema/schema.ts";
import { jsonPatch, mergePatch, patchObject } from "./patch.ts";

const { definitions, resources } = builtinResources();
const schema = resources.find(({ kind }) => kind === "Deployment")?.versions[0]?.schema ?? {};

const deployment = (containers: unknown[], spec: object = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", finalizers: ["a/b", "c/d"] },
  spec: {
    template: { spec: { containers } },
    strategy: { type: "RollingUpdate", rollingUpdate: {} },
    ...spec,
  },
});
const strategic = (object: KubeObject, patch: unknown): KubeObject =>
  patchObject("strategic", { object, patch, schema, definitions });
const containersOf = (object: KubeObject): unknown =>
  (object["spec"] as { template: { spec: { containers: unknown } } }).template.spec.containers;
const containersPatch = (containers: unknown, extra: object = {}): unknown => ({
  spec: { template: { spec: { containers, ...extra } } },
});

test("a strategic patch merges containers by name, ports by containerPort and env by name", () => {
  const before = deployment([
    {
      name: "a",
      image: "a:1",
      env: [{ name: "X", value: "1" }],
      ports: [{ containerPort: 80, name: "web" }],
    },
    { name: "b", image: "b:1" },
  ]);
  const patch = containersPatch([
    { name: "a", env: [{ name: "Y", value: "2" }], ports: [{ containerPort: 80, protocol: "TCP" }] },
  ]);
  expect(containersOf(strategic(before, patch))).toEqual([
    {
      name: "a",
      image: "a:1",
      env: [
        { name: "X", value: "1" },
        { name: "Y", value: "2" },
      ],
      ports: [{ containerPort: 80, name: "web", protocol: "TCP" }],
    },
    { name: "b", image: "b:1" },
  ]);
});

test("$patch delete and replace, null, $setElementOrder and $deleteFromPrimitiveList do what they say", () => {
  const before = deployment([{ name: "a" }, { name: "b" }, { name: "c" }]);
  const removed = strategic(before, containersPatch([{ name: "b", $patch: "delete" }]));
  expect(containersOf(removed)).toEqual([{ name: "a" }, { name: "c" }]);
  const replaced = strategic(before, containersPatch([{ name: "z" }, { $patch: "replace" }]));
  expect(containersOf(replaced)).toEqual([{ name: "z" }]);
  const order = {
    "$setElementOrder/containers": [{ name: "d" }, { name: "a" }, { name: "c" }, { name: "b" }],
  };
  const ordered = strategic(before, containersPatch([{ name: "d" }], order));
  expect(containersOf(ordered)).toEqual([{ name: "d" }, { name: "a" }, { name: "c" }, { name: "b" }]);
  const finalizers = strategic(before, { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/b"] } });
  expect(finalizers.metadata.finalizers).toEqual(["c/d"]);
  const cleared = strategic(before, { spec: { template: null } });
  expect((cleared["spec"] as { template?: unknown }).template).toBeUndefined();
});

test("$retainKeys drops the fields of another strategy", () => {
  const patch = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
  expect(strategic(deployment([]), patch)["spec"]).toMatchObject({ strategy: { type: "Recreate" } });
  expect((strategic(deployment([]), patch)["spec"] as { strategy: object }).strategy).toEqual({
    type: "Recreate",
  });
});

test("an item without its merge key is refused", () => {
  expect(() => strategic(deployment([]), containersPatch([{ image: "x" }]))).toThrow("merge key: name");
});

test("the examples of RFC 7386 appendix A", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) expect(mergePatch(target, patch)).toEqual(result);
});

test("a merge patch is idempotent and leaves its target as it was", () => {
  const json = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const before = JSON.stringify(target);
      const once = mergePatch(target, patch);
      expect(sameJson(mergePatch(once, patch), once)).toBe(true);
      expect(JSON.stringify(target)).toBe(before);
      expect(isObject(once)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("a JSON patch works on a copy, and a test that fails is 422", () => {
  const target = { a: [1, 2], b: { c: 1 } };
  const before = copyJson(target);
  const operations = [
    { op: "test", path: "/b/c", value: 1 },
    { op: "add", path: "/a/-", value: 3 },
    { op: "move", from: "/b/c", path: "/d" },
  ];
  expect(jsonPatch(target, operations)).toEqual({ a: [1, 2, 3], b: {}, d: 1 });
  expect(target).toEqual(before);
  expect(() => jsonPatch(target, [{ op: "test", path: "/b/c", value: 2 }])).toThrow(
    expect.objectContaining({ status: 422 }) as Error,
  );
});

import { describe, expect, test } from "bun:test";
import { Type } from "typebox";
import { stringify } from "yaml";
import { withSchemaDefaults } from "./defaults.ts";
import { crds, KINDS } from "./registry.ts";
import { integer, oneOf, withRules } from "./schema.ts";
import { viewOf } from "./schema-view.ts";
import { type StructuralSchema, structural } from "./structural.ts";
import { compileValidator } from "./validate.ts";

/** Keywords of JSONSchemaProps that a structural schema may have at any level (apiextensions v1). */
const ALLOWED = new Set([
  "description",
  "type",
  "format",
  "default",
  "enum",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "pattern",
  "minimum",
  "maximum",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-validations",
]);
const FORMATS: Record<string, readonly string[]> = { integer: ["int32", "int64"], string: ["date-time"] };

const all = crds();

function* nodes(schema: StructuralSchema, path = "$"): Generator<[string, StructuralSchema]> {
  yield [path, schema];
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* nodes(schema.additionalProperties, `${path}{}`);
}

describe("the CRDs", () => {
  test("are stable: a change is seen in review", async () => {
    const golden = `${import.meta.dir}/testdata/crds.yaml`;
    const text = all
      .map((crd) => stringify(crd, { aliasDuplicateObjects: false, lineWidth: 0 }))
      .join("---\n");
    if (process.env["UPDATE_GOLDEN"] === "1") await Bun.write(golden, text);
    expect(text).toBe(await Bun.file(golden).text());
  });

  test("are plain JSON, made anew at each call", () => {
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
    const again = crds();
    again[0]?.spec.versions.pop();
    expect(crds()).toEqual(all);
  });

  test("have schemas that a kube-apiserver takes for structural", () => {
    for (const crd of all) {
      for (const version of crd.spec.versions) {
        for (const [path, node] of nodes(version.schema.openAPIV3Schema)) {
          const at = `${crd.metadata.name} ${version.name} ${path}`;
          expect([at, Object.keys(node).filter((key) => !ALLOWED.has(key))]).toEqual([at, []]);
          expect([at, ["object", "array", "string", "integer", "number", "boolean"]]).toEqual([
            at,
            expect.arrayContaining([node.type]),
          ]);
          if (node.format !== undefined) expect(FORMATS[node.type ?? ""]).toContain(node.format);
          if (node.type === "array") expect([at, node.items]).not.toEqual([at, undefined]);
          // "Required" must be in properties; both ways of describing fields exclude each other.
          for (const name of node.required ?? []) expect(Object.keys(node.properties ?? {})).toContain(name);
          expect([at, node.properties !== undefined && node.additionalProperties !== undefined]).toEqual([
            at,
            false,
          ]);
          if (node.pattern !== undefined) {
            // RE2 has no look-around and no back references.
            expect([at, /\(\?[=!<]|\\[1-9]/.test(node.pattern)]).toEqual([at, false]);
          }
        }
      }
    }
  });

  test("have map lists whose keys are required scalars, and no default beside a required mark", () => {
    for (const crd of all) {
      for (const [path, node] of nodes(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {})) {
        const keys = node["x-kubernetes-list-map-keys"];
        expect([path, node["x-kubernetes-list-type"] === "map"]).toEqual([path, keys !== undefined]);
        for (const key of keys ?? []) {
          expect(node.items?.required).toContain(key);
          expect(["string", "integer"]).toContain(node.items?.properties?.[key]?.type ?? "");
        }
        for (const name of node.required ?? []) expect(node.properties?.[name]?.default).toBeUndefined();
      }
    }
  });

  test("describe every field, for kubectl explain", () => {
    for (const crd of all) {
      for (const [path, node] of nodes(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {})) {
        if (path === "$.metadata" || /(\[\]|\{\})$/.test(path)) continue;
        expect([crd.metadata.name, path, node.description]).toEqual([
          crd.metadata.name,
          path,
          expect.any(String),
        ]);
      }
    }
  });

  test("have conditions as a list map by type, in every status", () => {
    for (const crd of all) {
      const conditions =
        crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.["status"]?.properties?.["conditions"];
      expect(conditions).toMatchObject({
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
      });
    }
  });

  test("have defaults that are valid by their own schema", () => {
    for (const kind of Object.values(KINDS)) {
      for (const schema of [kind.spec, kind.status]) {
        if (schema === undefined) continue;
        const defaulted = viewOf(schema).default;
        if (defaulted === undefined) continue;
        expect(compileValidator(schema).problems(defaulted)).toEqual([]);
        // Complete in themselves, as what `kubectl explain` shows.
        expect(withSchemaDefaults(schema, defaulted)).toEqual(defaulted);
      }
    }
  });

  test("have CEL rules only below bounded lists and maps, so that their cost can be estimated", () => {
    for (const crd of all) {
      const walk = (node: StructuralSchema, bounded: boolean): void => {
        if (node["x-kubernetes-validations"] !== undefined) {
          expect(bounded).toBe(true);
          if (node.type === "string") expect(node.maxLength).toBeNumber();
        }
        for (const child of Object.values(node.properties ?? {})) walk(child, bounded);
        if (node.items !== undefined) walk(node.items, bounded && node.maxItems !== undefined);
        if (node.additionalProperties !== undefined) walk(node.additionalProperties, false);
      };
      for (const version of crd.spec.versions) walk(version.schema.openAPIV3Schema, true);
    }
  });

  test("have names that do not clash, one stored version, columns and the status subresource", () => {
    const names = all.flatMap(({ spec }) => [
      spec.names.plural,
      spec.names.singular,
      ...(spec.names.shortNames ?? []),
    ]);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata, spec } of all) {
      expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`);
      expect(spec.scope).toBe("Namespaced");
      expect(spec.versions.filter((version) => version.storage)).toHaveLength(1);
      for (const version of spec.versions) {
        expect(version.subresources).toEqual({ status: {} });
        expect(version.additionalPrinterColumns?.at(-1)?.name).toBe("Age");
      }
      expect(spec.names.categories).toEqual([spec.group === "isthmus.dev" ? "isthmus" : "multicluster"]);
    }
  });

  test("of multicluster.x-k8s.io are those of mcs-api v0.5.0", () => {
    const multicluster = all.filter((crd) => crd.spec.group === "multicluster.x-k8s.io");
    expect(multicluster.map((crd) => crd.spec.names.shortNames)).toEqual([
      ["svcex", "svcexport"],
      ["svcim", "svcimport"],
    ]);
    for (const crd of multicluster) {
      expect(crd.metadata.labels).toEqual({
        "multicluster.x-k8s.io/release-version": "v0.5.0",
        "multicluster.x-k8s.io/crd-schema-revision": "0",
      });
      const [beta, alpha] = crd.spec.versions;
      expect(beta).toMatchObject({ name: "v1beta1", served: true, storage: true });
      expect(alpha).toMatchObject({ name: "v1alpha1", served: true, storage: false });
      expect(alpha?.schema).toEqual(beta?.schema ?? { openAPIV3Schema: {} });
    }
    const columns = multicluster.map((crd) =>
      crd.spec.versions[0]?.additionalPrinterColumns?.map(({ name }) => name),
    );
    expect(columns).toEqual([["Age"], ["Type", "IP", "Age"]]);
  });
});

describe("structural", () => {
  test("turns unions of strings into enums, records into maps, rules into CEL", () => {
    const schema = withRules(
      Type.Object({
        mode: Type.Union([Type.Literal("A"), Type.Literal("B")], { description: "d" }),
        kind: oneOf(["X"], { default: "X" }),
        only: Type.Literal("one"),
        map: Type.Optional(Type.Record(Type.String(), integer({}))),
      }),
      [{ cel: "self.mode == 'A'", message: "no" }],
    );
    expect(structural(schema)).toEqual({
      type: "object",
      required: ["mode", "only"],
      properties: {
        mode: { type: "string", enum: ["A", "B"], description: "d" },
        kind: { type: "string", enum: ["X"], default: "X" },
        only: { type: "string", enum: ["one"] },
        map: { type: "object", additionalProperties: { type: "integer", format: "int32" } },
      },
      "x-kubernetes-validations": [{ rule: "self.mode == 'A'", message: "no" }],
    });
  });

  test("refuses what a CRD cannot carry", () => {
    expect(() => structural(Type.String({ contentEncoding: "base64" }))).toThrow('"contentEncoding"');
    expect(() => structural(Type.Union([Type.String(), Type.Integer()]))).toThrow("union");
    expect(() => structural(Type.Record(Type.String({ pattern: "^a" }), Type.String()))).toThrow(
      "by pattern",
    );
    expect(() => structural(Type.Object({ a: Type.Unknown() }))).toThrow("needs a type");
  });
});

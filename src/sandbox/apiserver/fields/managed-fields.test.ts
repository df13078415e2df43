import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { builtinResources } from "../builtin.ts";
import { ApiError, type KubeObject, type ManagedFields } from "../cluster-api.ts";
import { difference, type FieldSet, intersection, union } from "./field-set.ts";
import { applyFields, trackUpdate } from "./managed-fields.ts";

const { definitions, resources } = builtinResources();
const schema = resources.find(({ kind }) => kind === "Deployment")?.versions[0]?.schema ?? {};
const context = { schema, definitions };
const writer = (manager: string) => ({ manager, apiVersion: "apps/v1", time: "2026-01-01T00:00:00Z" });

const deployment = (spec: object, labels?: Record<string, string>): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", ...(labels === undefined ? {} : { labels }) },
  spec,
});
const withContainers = (...containers: object[]): object => ({ template: { spec: { containers } } });

interface State {
  object: KubeObject | undefined;
  entries: ManagedFields[];
}

function apply(state: State, manager: string, applied: KubeObject, force = false): State {
  return applyFields(
    { live: state.object, applied, force, entries: state.entries },
    writer(manager),
    context,
  );
}

function update(state: State, manager: string, after: KubeObject): State {
  const input = { before: state.object, after, entries: state.entries };
  return { object: after, entries: trackUpdate(input, writer(manager), context) };
}

const NOTHING: State = { object: undefined, entries: [] };
const fieldsBy = (state: State, manager: string): unknown =>
  state.entries.find((entry) => entry.manager === manager)?.fieldsV1;

test("applying owns exactly what was named, list items by their keys with defaults", () => {
  const state = apply(
    NOTHING,
    "a",
    deployment(withContainers({ name: "c", ports: [{ containerPort: 80 }] })),
  );
  expect(fieldsBy(state, "a")).toEqual({
    "f:spec": {
      "f:template": {
        "f:spec": {
          "f:containers": {
            'k:{"name":"c"}': {
              ".": {},
              "f:name": {},
              "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
            },
          },
        },
      },
    },
  });
});

test("another value of an owned field is a conflict that names the manager and the field", () => {
  const state = apply(NOTHING, "a", deployment({ replicas: 1 }));
  let refusal: unknown;
  try {
    apply(state, "b", deployment({ replicas: 2 }));
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(ApiError);
  expect(refusal).toMatchObject({
    status: 409,
    message: 'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
    details: { causes: [{ reason: "FieldManagerConflict", field: ".spec.replicas" }] },
  });
  const forced = apply(state, "b", deployment({ replicas: 2 }), true);
  expect(forced.object?.["spec"]).toEqual({ replicas: 2 });
  expect(fieldsBy(forced, "a")).toBeUndefined();
});

test("the same value is shared, and stays until its last owner drops it", () => {
  const one = apply(NOTHING, "a", deployment({ replicas: 1, paused: true }));
  const two = apply(one, "b", deployment({ replicas: 1 }));
  const three = apply(two, "a", deployment({ paused: true }));
  expect(three.object?.["spec"]).toEqual({ replicas: 1, paused: true });
  const four = apply(three, "b", deployment({}));
  expect(four.object?.["spec"]).toEqual({ paused: true });
});

test("a dropped list item goes, but not the fields of it that others own", () => {
  const containers = withContainers({ name: "c", image: "i" }, { name: "d", image: "i" });
  const one = apply(NOTHING, "a", deployment(containers));
  const two = apply(one, "b", deployment(withContainers({ name: "c", workingDir: "/w" })));
  const three = apply(two, "a", deployment(withContainers({ name: "e", image: "i" })));
  expect(three.object?.["spec"]).toEqual(
    withContainers({ name: "c", workingDir: "/w" }, { name: "e", image: "i" }) as Record<string, unknown>,
  );
});

test("an update takes ownership of what it changed, and only of that", () => {
  const one = apply(NOTHING, "a", deployment({ replicas: 1, paused: true }, { x: "1" }));
  const two = update(one, "kubectl", deployment({ replicas: 5, paused: true }, { x: "1" }));
  expect(fieldsBy(two, "kubectl")).toEqual({ "f:spec": { "f:replicas": {} } });
  expect(fieldsBy(two, "a")).toEqual({
    "f:metadata": { "f:labels": { "f:x": {} } },
    "f:spec": { "f:paused": {} },
  });
  const three = update(two, "other", deployment({ paused: true }, { x: "1" }));
  expect(fieldsBy(three, "kubectl")).toBeUndefined();
});

test("kubectl takes over from its own client-side apply without a conflict", () => {
  const before = deployment({ replicas: 1 });
  before.metadata.annotations = {
    "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(deployment({ replicas: 1 })),
  };
  const one = update(NOTHING, "kubectl-client-side-apply", before);
  expect(apply(one, "kubectl", deployment({ replicas: 3 })).object?.["spec"]).toEqual({ replicas: 3 });
  expect(() => apply(one, "other", deployment({ replicas: 3 }))).toThrow("kubectl-client-side-apply");
});

const level = (inner: fc.Arbitrary<FieldSet>): fc.Arbitrary<FieldSet> =>
  fc.dictionary(fc.constantFrom("f:a", "f:b", "."), inner).map((set) => {
    if (Object.keys(set).every((key) => key === ".")) return {};
    return set["."] === undefined ? set : { ...set, ".": {} };
  });

test("sets obey the laws of sets", () => {
  const leaf: fc.Arbitrary<FieldSet> = fc.constant({});
  const inner = level(level(leaf));
  const set = fc.dictionary(fc.constantFrom("f:x", "f:y"), inner);
  fc.assert(
    fc.property(set, set, (a, b) => {
      expect(union(a, b)).toEqual(union(b, a));
      expect(union(a, a)).toEqual(a);
      expect(intersection(a, b)).toEqual(intersection(b, a));
      expect(difference(a, a)).toEqual({});
      expect(union(difference(a, b), intersection(a, b))).toEqual(a);
    }),
    { numRuns: 300 },
  );
});

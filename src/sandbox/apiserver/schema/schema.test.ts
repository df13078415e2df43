import { expect, test } from "bun:test";
import { builtinResources } from "../builtin.ts";
import { checkSchema } from "./check.ts";
import { Definitions, type Schema } from "./schema.ts";
import { applyDefaults, dropNulls, prune } from "./shape.ts";

const none = new Definitions();
const link: Schema = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["endpoints"],
      properties: {
        cost: { type: "integer", minimum: 1, maximum: 1000, default: 1 },
        spread: { type: "string", enum: ["Endpoints", "Clusters"] },
        name: { type: "string", pattern: "^[a-z]+$", maxLength: 5 },
        port: { "x-kubernetes-int-or-string": true },
        open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        labels: { type: "object", additionalProperties: { type: "string" } },
        endpoints: {
          type: "array",
          minItems: 1,
          maxItems: 2,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["host"],
          items: {
            type: "object",
            required: ["host"],
            properties: { host: { type: "string" }, port: { type: "integer", default: 7443 } },
          },
        },
      },
    },
  },
};
const errorsOf = (spec: object): string[] =>
  checkSchema({ spec }, link, none).map(({ field, message }) => `${field}: ${message}`);

test("each violation is one error with its path, worded as the API server words it", () => {
  const endpoints = [{ host: "a" }];
  const cases: [object, string[]][] = [
    [{ endpoints }, []],
    [{ endpoints, port: "http", open: { x: { y: 1 } }, labels: { a: "b" } }, []],
    [{}, ["spec.endpoints: Required value"]],
    [
      { endpoints, cost: 0 },
      ["spec.cost: Invalid value: 0: spec.cost in body should be greater than or equal to 1"],
    ],
    [
      { endpoints, cost: "x" },
      ['spec.cost: Invalid value: "string": spec.cost in body must be of type integer: "string"'],
    ],
    [
      { endpoints, spread: "X" },
      ['spec.spread: Unsupported value: "X": supported values: "Endpoints", "Clusters"'],
    ],
    [{ endpoints, name: "A" }, [`spec.name: Invalid value: "A": spec.name in body should match '^[a-z]+$'`]],
    [{ endpoints, name: "abcdef" }, ["spec.name: Too long: may not be more than 5 bytes"]],
    [
      { endpoints: [] },
      ["spec.endpoints: Invalid value: 0: spec.endpoints in body should have at least 1 items"],
    ],
    [{ endpoints: [{ host: "a" }, { host: "a" }] }, ['spec.endpoints[1]: Duplicate value: {"host":"a"}']],
    [{ endpoints: [{}] }, ["spec.endpoints[0].host: Required value"]],
  ];
  for (const [spec, expected] of cases) expect(errorsOf(spec)).toEqual(expected);
});

test("pruning names each unknown field and keeps what is open", () => {
  const object = {
    spec: { foo: 1, open: { any: 1 }, labels: { a: "b" }, endpoints: [{ host: "a", bar: 2 }] },
  };
  expect(prune(object, link, none)).toEqual(["spec.foo", "spec.endpoints[0].bar"]);
  expect(object.spec).toEqual({ open: { any: 1 }, labels: { a: "b" }, endpoints: [{ host: "a" }] } as never);
});

test("defaults fill what is absent, also in lists, and nothing that is there", () => {
  const object = { spec: { endpoints: [{ host: "a" }, { host: "b", port: 1 }] } };
  applyDefaults(object, link, none);
  expect(object.spec as unknown).toEqual({
    cost: 1,
    endpoints: [
      { host: "a", port: 7443 },
      { host: "b", port: 1 },
    ],
  });
});

test("builtin schemas know the fields of a pod, and a null is absence", () => {
  const { definitions, resources } = builtinResources();
  const schema = resources.find(({ kind }) => kind === "Pod")?.versions[0]?.schema ?? {};
  const pod = {
    metadata: { name: "p", labels: null },
    spec: { containers: [{ name: "c", ports: [{ containerPort: 80 }], imagee: "x" }], volumes: null },
  };
  dropNulls(pod);
  expect(prune(pod, schema, definitions)).toEqual(["spec.containers[0].imagee"]);
  applyDefaults(pod, schema, definitions);
  expect(pod as unknown).toMatchObject({
    metadata: { name: "p" },
    spec: {
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      containers: [{ ports: [{ containerPort: 80, protocol: "TCP" }] }],
    },
  });
  expect(checkSchema(pod, schema, definitions)).toEqual([]);
});

import { expect, test } from "bun:test";
import { builtinResources } from "../builtin.ts";
import { humanDuration } from "./human-duration.ts";
import { compileJsonPath } from "./json-path.ts";
import { podCells } from "./pod-row.ts";
import { Tables } from "./table.ts";

const NOW = Date.parse("2026-01-01T00:10:00Z");
const { resources } = builtinResources();

test("ages are those of kubectl", () => {
  const s = 1000;
  const h = 3_600_000;
  const cases: [number, string][] = [
    [0, "0s"],
    [119 * s, "119s"],
    [121 * s, "2m1s"],
    [600 * s, "10m"],
    [179 * 60 * s, "179m"],
    [3 * h, "3h"],
    [7.5 * h, "7h30m"],
    [47 * h, "47h"],
    [49 * h, "2d1h"],
    [240 * h, "10d"],
    [24 * 800 * h, "2y70d"],
  ];
  for (const [ms, text] of cases) expect(humanDuration(ms)).toBe(text);
});

test("JSONPath finds fields, items, quoted names and conditions by type", () => {
  const object = {
    spec: { "a.b": 1, list: [{ n: 1 }, { n: 2 }] },
    status: {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Other", status: "False" },
      ],
    },
  };
  const cases: [string, unknown[]][] = [
    [".spec.list[0].n", [1]],
    [".spec.list[*].n", [1, 2]],
    [".spec['a.b']", [1]],
    [String.raw`.spec.a\.b`, [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
    [".status.conditions[?(@.type=='Other')].status", ["False"]],
    ["{.spec.list[-1].n}", [2]],
    [".spec.none", []],
    [".spec[[", []],
  ];
  for (const [path, expected] of cases) expect(compileJsonPath(path)(object)).toEqual(expected);
});

const pod = (status: object, metadata: object = {}): unknown[] =>
  podCells(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
      spec: { containers: [{ name: "c" }] },
      status: { phase: "Running", ...status },
    },
    NOW,
  ).slice(1, 5);

test("the status of a pod says why its containers do not run", () => {
  const waiting = [{ ready: false, restartCount: 0, state: { waiting: { reason: "ErrImagePull" } } }];
  expect(pod({ containerStatuses: waiting })).toEqual(["0/1", "ErrImagePull", "0", "10m"]);
  const running = [
    {
      ready: true,
      restartCount: 2,
      state: { running: {} },
      lastState: { terminated: { finishedAt: "2026-01-01T00:09:30Z" } },
    },
  ];
  expect(pod({ containerStatuses: running })).toEqual(["1/1", "Running", "2 (30s ago)", "10m"]);
  const ended = [{ ready: false, restartCount: 0, state: { terminated: { exitCode: 3 } } }];
  expect(pod({ containerStatuses: ended })[1]).toBe("ExitCode:3");
  expect(pod({ containerStatuses: running }, { deletionTimestamp: "x" })[1]).toBe("Terminating");
});

test("each builtin kind has as many cells as columns, whatever is missing", () => {
  for (const resource of resources) {
    const tables = new Tables(resource, { version: resource.storageVersion, include: "None" });
    const object = { apiVersion: "v1", kind: resource.kind, metadata: { name: "x" } };
    const table = tables.of([object], {}, NOW) as {
      columnDefinitions: unknown[];
      rows: { cells: unknown[] }[];
    };
    expect([resource.kind, table.rows[0]?.cells.length]).toEqual([
      resource.kind,
      table.columnDefinitions.length,
    ]);
  }
});

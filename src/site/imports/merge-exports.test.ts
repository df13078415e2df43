import { describe, expect, test } from "bun:test";
import {
  array,
  assert,
  constant,
  constantFrom,
  dictionary,
  infiniteStream,
  integer,
  nat,
  option,
  property,
  record,
  tuple,
  uniqueArray,
} from "fast-check";
import type { ExportTerms } from "#router/export-terms.ts";
import { type ConflictReason, type Constituent, type MergedPort, mergeExports } from "./merge-exports.ts";

type All = [Constituent, ...Constituent[]];
const TCP = { name: "tcp", port: 42 };

function from(cluster: string, terms: ExportTerms = {}, ports: Constituent["ports"] = [TCP]): Constituent {
  return { cluster, ports, terms: { type: "ClusterSetIP", ...terms } };
}

function reasons(...all: All): string[] {
  return mergeExports(all).conflicts.map(({ reason }) => reason);
}

test("one export is merged as it is", () => {
  const terms = {
    sessionAffinity: "ClientIP",
    affinitySeconds: 10,
    internalTrafficPolicy: "Local",
    trafficDistribution: "PreferClose",
    otherPorts: [{ name: "udp", port: 42, protocol: "UDP" }],
    labels: { a: "1" },
    annotations: { b: "2" },
  };
  expect(mergeExports([from("c1", terms, [{ ...TCP, appProtocol: "http" }])])).toEqual({
    spec: {
      type: "ClusterSetIP",
      ports: [
        { name: "tcp", protocol: "TCP", port: 42, appProtocol: "http" },
        { name: "udp", protocol: "UDP", port: 42 },
      ],
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: "Local",
      trafficDistribution: "PreferClose",
    },
    ipFamilies: [],
    labels: { a: "1" },
    annotations: { b: "2" },
    conflicts: [],
  });
});

describe("the oldest export wins", () => {
  const differences: [ConflictReason, ExportTerms, ExportTerms][] = [
    ["TypeConflict", {}, { type: "Headless" }],
    ["SessionAffinityConflict", { sessionAffinity: "ClientIP" }, { sessionAffinity: "None" }],
    [
      "SessionAffinityConfigConflict",
      { sessionAffinity: "ClientIP", affinitySeconds: 10 },
      { sessionAffinity: "ClientIP", affinitySeconds: 20 },
    ],
    ["LabelsConflict", { labels: { a: "1" } }, { labels: { a: "1", b: "2" } }],
    ["AnnotationsConflict", { annotations: { a: "1" } }, {}],
    ["InternalTrafficPolicyConflict", { internalTrafficPolicy: "Local" }, {}],
    ["TrafficDistributionConflict", { trafficDistribution: "PreferClose" }, {}],
    [
      "IPFamilyConflict",
      { type: "Headless", ipFamilies: ["IPv4"] },
      { type: "Headless", ipFamilies: ["IPv6"] },
    ],
  ];
  for (const [reason, older, newer] of differences) {
    test(reason, () => {
      const all: All = [from("c1", { ...newer, createdMs: 2000 }), from("c2", { ...older, createdMs: 1000 })];
      const merged = mergeExports(all);
      expect(merged.conflicts.map((one) => one.reason)).toEqual([reason]);
      expect(merged.conflicts[0]?.message).toContain('1 of 2 clusters disagree with cluster "c2"');
      const alone = mergeExports([from("c2", { ...older, createdMs: 1000 })]);
      expect(merged).toEqual({ ...alone, conflicts: merged.conflicts });
    });
  }

  test("of one age the first by name", () => {
    const all: All = [from("b", { createdMs: 1, trafficDistribution: "x" }), from("a", { createdMs: 1 })];
    expect(mergeExports(all).spec.trafficDistribution).toBeUndefined();
  });

  test("an exporter that tells nothing of itself contradicts only with its ports, and wins over nobody", () => {
    const silent: Constituent = { cluster: "a", ports: [TCP] };
    expect(mergeExports([silent, from("b", { createdMs: 9, trafficDistribution: "x" })])).toMatchObject({
      spec: { trafficDistribution: "x" },
      conflicts: [],
    });
    expect(reasons(silent, from("b", { createdMs: 9 }, [{ name: "tcp", port: 43 }]))).toEqual([
      "PortConflict",
    ]);
  });

  test("defaults are no differences, nor are families where routers stand between", () => {
    const told = { sessionAffinity: "None", internalTrafficPolicy: "Cluster", labels: {} };
    expect(
      reasons(from("a", { ...told, ipFamilies: ["IPv6"] }), from("b", { ipFamilies: ["IPv4"] })),
    ).toEqual([]);
  });
});

function united(...all: All): readonly MergedPort[] {
  return mergeExports(all).spec.ports;
}

describe("ports are united", () => {
  test("by name", () => {
    const all: All = [
      from("a", { createdMs: 1 }),
      from("b", { createdMs: 2 }, [
        { name: "tcp", port: 43 },
        { name: "more", port: 44 },
      ]),
    ];
    expect(united(...all)).toEqual([
      { ...TCP, protocol: "TCP" },
      { name: "more", protocol: "TCP", port: 44 },
    ]);
    expect(reasons(...all)).toEqual(["PortConflict"]);
  });
  test("then by protocol and number", () => {
    const otherPorts = [{ name: "udp", port: 42, protocol: "UDP" }];
    const all: All = [
      from("a", { createdMs: 1 }),
      from("b", { createdMs: 2, otherPorts }, [{ name: "web", port: 42 }]),
    ];
    expect(united(...all)).toEqual([
      { ...TCP, protocol: "TCP" },
      { name: "udp", protocol: "UDP", port: 42 },
    ]);
  });
});

const port = record(
  { name: constantFrom("a", "b", "c"), port: integer({ min: 1, max: 4 }) },
  { requiredKeys: ["port"] },
);
const terms = record(
  {
    type: constantFrom("ClusterSetIP", "Headless", "Whatever"),
    createdMs: integer({ min: 0, max: 3 }),
    sessionAffinity: constantFrom("ClientIP", "None", "x"),
    affinitySeconds: integer({ min: 0, max: 3 }),
    internalTrafficPolicy: constantFrom("Cluster", "Local", "x"),
    trafficDistribution: constantFrom("PreferClose", ""),
    ipFamilies: array(constantFrom("IPv4", "IPv6", "x"), { maxLength: 2 }),
    labels: dictionary(constantFrom("a", "b"), constantFrom("1", "2")),
  },
  { requiredKeys: [] },
);
const constituents = uniqueArray(constantFrom("c1", "c2", "c3", "c4"), { minLength: 1 }).chain((clusters) =>
  tuple(
    ...clusters.map((cluster) =>
      record({
        cluster: constant(cluster),
        ports: array(port, { maxLength: 3 }),
        terms: option(terms, { nil: undefined }),
      }),
    ),
  ),
);

describe("for any exports", () => {
  test("all sites find the same, in whatever order they hear of them", () => {
    assert(
      property(constituents, infiniteStream(nat()), (all, dice) => {
        const shuffled = all
          .map((one) => ({ one, at: dice.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ one }) => one);
        expect(mergeExports(shuffled as Constituent[] as All)).toEqual(
          mergeExports(all as Constituent[] as All),
        );
      }),
    );
  });

  test("equal ones are no conflict, names and numbers stay unique, and a port of the oldest is always there", () => {
    assert(
      property(constituents, (all) => {
        const { spec, conflicts } = mergeExports(all as Constituent[] as All);
        const names = spec.ports.flatMap(({ name }) => name ?? []);
        const numbers = spec.ports.map(({ protocol, port: number }) => `${protocol}/${number}`);
        expect(new Set(names).size).toBe(names.length);
        expect(new Set(numbers).size).toBe(numbers.length);
        const [oldest] = all.toSorted(
          (a, b) =>
            (a.terms?.createdMs ?? Infinity) - (b.terms?.createdMs ?? Infinity) ||
            (a.cluster < b.cluster ? -1 : 1),
        );
        if (oldest !== undefined && oldest.ports.length > 0) expect(spec.ports.length).toBeGreaterThan(0);
        const copies = all.map((one) => ({ ...(oldest ?? one), cluster: one.cluster }));
        expect(mergeExports(copies as Constituent[] as All).conflicts).toEqual([]);
        if (all.length === 1) expect(conflicts).toEqual([]);
      }),
    );
  });
});

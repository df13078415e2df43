import { expect, test } from "bun:test";
import type { DesiredImport, Source } from "./imports.ts";
import { type Pin, pinKey, pinName, pinOf, pinOnly, pinService, type PinTarget } from "./pin-services.ts";
import { MAX_PIN_PORTS, MAX_PODS, planPins, type PinInput } from "./pins.ts";

const HTTP = { name: "http", port: 8080 };
const ADMIN = { name: "admin", port: 9000 };

function source(id: string, more: Partial<Source> = {}): Source {
  return {
    cluster: id.replaceAll(".", "-"),
    id,
    isNamed: true,
    local: false,
    heard: true,
    ports: [HTTP],
    ready: true,
    pods: [],
    ...more,
  };
}

function imported(sources: readonly Source[], more: Partial<DesiredImport> = {}): DesiredImport {
  return {
    name: "web",
    spec: { type: "ClusterSetIP", ports: [] },
    ipFamilies: [],
    labels: {},
    annotations: {},
    ports: [HTTP],
    carried: [HTTP],
    exporters: sources.map(({ cluster }) => cluster),
    sources,
    conflicts: [],
    ...more,
  };
}

const headless = (sources: readonly Source[], more: Partial<DesiredImport> = {}): DesiredImport =>
  imported(sources, { spec: { type: "Headless", ports: [] }, ports: [], ...more });

function plan(
  desired: readonly DesiredImport[],
  {
    known = [],
    strict = false,
    isLedAway = () => false,
  }: Partial<Omit<PinInput, "known">> & { known?: readonly PinTarget[] } = {},
): { pins: Pin[]; left: number; gone: string[]; unwanted: string[] } {
  const found = planPins({
    desired,
    known: (name) => known.filter(({ of }) => of === name),
    strict,
    isLedAway,
  });
  return {
    pins: [...found.pins.values()].flat(),
    left: [...found.left.values()].reduce((sum, one) => sum + one, 0),
    gone: [...found.gone],
    unwanted: [...found.unwanted],
  };
}

test("each other cluster of an import has a pin with the ports that it has; this one needs none", () => {
  const sources = [source("c1", { local: true }), source("c2"), source("c3.east", { ports: [ADMIN] })];
  const { pins } = plan([imported(sources, { carried: [HTTP, ADMIN] })]);
  expect(pins).toEqual([
    { of: "web", cluster: "c2", ports: [HTTP] },
    { of: "web", cluster: "c3.east", ports: [ADMIN] },
  ]);
  expect(pins.map(pinOnly)).toEqual([{ site: "c2" }, { site: "c3.east" }]);
});

test("this cluster has a pin too while clients of its own Service are led through the routers", () => {
  const sources = [source("c1", { local: true })];
  expect(plan([imported(sources)], { isLedAway: () => true }).pins).toHaveLength(1);
});

test("strictly clusters have no pins, pods of headless services have", () => {
  const known = [{ of: "web", cluster: "c2" }];
  expect(plan([imported([source("c2")])], { strict: true, known })).toMatchObject({
    pins: [],
    unwanted: known.map(pinKey),
  });
  const pods = [{ id: "web-0", hostname: "web-0", ready: true }];
  expect(plan([headless([source("c2", { pods })])], { strict: true }).pins).toHaveLength(1);
});

test("a pod of a headless service has a pin by its id, ready or not; a name is a DNS label", () => {
  const pods = [
    { id: "web-0", hostname: "web-0", ready: true },
    { id: "web-1", hostname: "web-1", ready: false },
    { id: "pod-7", ready: true },
    { id: "10.0.0.9", hostname: "NOT A LABEL", ready: true },
    { id: ":::", ready: true },
  ];
  const { pins } = plan([headless([source("c1", { local: true, pods }), source("c2", { pods })])]);
  expect(pins.map(({ hostname, ...pin }) => [hostname, pinOnly(pin)])).toEqual([
    ["web-0", { endpoint: "c2/web-0" }],
    ["web-1", { endpoint: "c2/web-1" }],
    ["pod-7", { endpoint: "c2/pod-7" }],
    ["10-0-0-9", { endpoint: "c2/10.0.0.9" }],
  ]);
});

test("a silent cluster keeps its pins, one that was not heard of yet too, and one that exports no more loses them after a while", () => {
  const known: PinTarget[] = [
    { of: "web", cluster: "c2" },
    { of: "web", cluster: "c3" },
    { of: "web", cluster: "c4" },
  ];
  const desired = imported([source("c2", { heard: false })], { exporters: ["c2", "c3"] });
  const { pins, gone, unwanted } = plan([desired], { known });
  expect(pins.map(({ cluster }) => cluster)).toEqual(["c2"]);
  expect(gone).toEqual([pinKey({ of: "web", cluster: "c4" })]);
  expect(unwanted).toEqual([]);
});

test("a pod that has gone leaves its pin for a while; a type that changed leaves none", () => {
  const pod = { of: "web", cluster: "c2", endpoint: "web-0" };
  expect(plan([headless([source("c2")])], { known: [pod] })).toMatchObject({ gone: [pinKey(pod)] });
  expect(plan([imported([source("c2")])], { known: [pod] })).toMatchObject({ unwanted: [pinKey(pod)] });
});

test("a cluster that routers cannot find by its id has no pin, nor has one without a TCP port", () => {
  expect(plan([imported([source("c2", { isNamed: false }), source("c3", { ports: [] })])]).pins).toEqual([]);
});

test("at most 500 pods of an import have a pin: those that have one already first; how many are left is told", () => {
  const pods = Array.from({ length: MAX_PODS + 7 }, (_, n) => ({ id: `web-${n}`, ready: true }));
  const last = { of: "web", cluster: "c2", endpoint: `web-${MAX_PODS + 6}` };
  const found = plan([headless([source("c2", { pods })])], { known: [last] });
  expect([found.pins.length, found.left]).toEqual([MAX_PODS, 7]);
  expect(found.pins.map(pinKey)).toContain(pinKey(last));
});

test("pins have 8,000 ports together; imports that come first get theirs, and what is there stays", () => {
  const ports = Array.from({ length: 80 }, (_, n) => ({ name: `p${n}`, port: 1000 + n }));
  const desired = Array.from({ length: 102 }, (_, n) =>
    imported([source("c2", { ports })], { name: `web-${n}`, carried: ports }),
  );
  const known = [{ of: "web-101", cluster: "c2" }];
  const { pins, left } = plan(desired, { known });
  expect(pins.flatMap((pin) => pin.ports)).toHaveLength(MAX_PIN_PORTS);
  expect(left).toBe(2);
  expect(pins.map(({ of }) => of)).toContain("web-101");
});

test("a pin's Service says by itself what it leads to, in a name that fits", () => {
  const owner = { apiVersion: "v1", kind: "ServiceImport", name: "web", uid: "1" };
  const options = { namespace: "shop", owner, targetPort: (port: number) => port + 2000 };
  const pins: Pin[] = [
    { of: "web", cluster: "c2.east", ports: [HTTP] },
    {
      of: "w".repeat(63),
      cluster: "c".repeat(63),
      endpoint: "p".repeat(200),
      hostname: "web-0",
      ports: [HTTP],
    },
  ];
  for (const pin of pins) {
    const service = pinService(pin, options);
    expect(service.metadata.name).toBe(pinName(pin));
    expect(service.metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
    const { of, cluster, endpoint } = pin;
    expect(pinOf(service)).toMatchObject({ of, cluster, endpoint, only: pinOnly(pin) });
    expect(service.spec.ports).toEqual([{ name: "http", protocol: "TCP", port: 8080, targetPort: 10_080 }]);
  }
  const names = new Set(["a", "b"].map((endpoint) => pinName({ of: "web", cluster: "c2", endpoint })));
  expect(names.size).toBe(2);
});

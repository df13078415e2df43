import { describe, expect, test } from "bun:test";
import type { Service, ServiceSpec } from "#api/builtin.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { ORIGINAL_ANNOTATION } from "../names.ts";
import {
  isTaken,
  judgeTakeOver,
  originalOf,
  pointed,
  putBack,
  shadowName,
  shadowService,
} from "./take-over.ts";

const POLICY: TrafficPolicy = {
  apiVersion: "isthmus.dev/v1alpha1",
  kind: "TrafficPolicy",
  metadata: { name: "web", namespace: "shop" },
  spec: { mode: "Failover", spread: "Endpoints" },
};
const ROUTERS = { "app.kubernetes.io/name": "isthmus-router" };

function service(spec: Partial<ServiceSpec> = {}, metadata: Partial<Service["metadata"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", uid: "u1", ...metadata },
    spec: {
      type: "ClusterIP",
      clusterIP: "10.0.0.1",
      selector: { app: "web" },
      ports: [
        { name: "http", protocol: "TCP", port: 80, targetPort: "web" },
        { name: "admin", protocol: "TCP", port: 9000, targetPort: 9000, nodePort: 30_001 },
      ],
      ...spec,
    },
  };
}

/** The Service as we leave it, and its shadow. */
function taken(own = service()): { service: Service; shadow: Service } {
  const original = originalOf(own, undefined);
  if (original === undefined) throw new Error("unreachable");
  const listeners: Record<string, number> = { 80: 10_000, 9000: 10_001 };
  return {
    service: pointed(own, { original, listenerPort: (port) => listeners[String(port)] ?? 0 }),
    shadow: shadowService(own, { original, listeners }),
  };
}

test("a Service that leads to the routers says nothing else than before, and is put back byte for byte", () => {
  const own = service({ sessionAffinity: "ClientIP" }, { annotations: { team: "a" } });
  const { service: there, shadow } = taken(own);
  expect(there.spec).toEqual({
    ...own.spec,
    selector: ROUTERS,
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: 10_000 },
      { name: "admin", protocol: "TCP", port: 9000, targetPort: 10_001, nodePort: 30_001 },
    ],
  });
  expect(isTaken(there, shadow)).toBe(true);
  const original = originalOf(there, shadow);
  if (original === undefined) throw new Error("unreachable");
  expect(JSON.stringify(putBack(there, original))).toBe(JSON.stringify(own));
  const alone = putBack(taken(service()).service, original);
  expect(alone.metadata).not.toHaveProperty("annotations");
});

test("its shadow is headless, without node ports, and goes with it", () => {
  const { shadow } = taken();
  expect(shadow.metadata.name).toBe("web-isthmus");
  expect(shadow.spec).toEqual({
    type: "ClusterIP",
    clusterIP: "None",
    selector: { app: "web" },
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: "web" },
      { name: "admin", protocol: "TCP", port: 9000, targetPort: 9000 },
    ],
  });
  expect(shadow.metadata.ownerReferences).toMatchObject([{ kind: "Service", uid: "u1" }]);
});

test("a long name is cut to what a Service may be called, and stays its own", () => {
  const names = ["a".repeat(55), `${"a".repeat(60)}x`, `${"a".repeat(60)}y`].map(shadowName);
  expect(names[0]).toBe(`${"a".repeat(55)}-isthmus`);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name.length).toBeLessThanOrEqual(63);
});

describe("a Service that was applied again while it led to the routers", () => {
  const { service: there, shadow } = taken();
  const again = (spec: Partial<ServiceSpec>): ReturnType<typeof originalOf> =>
    originalOf({ ...there, spec: { ...there.spec, ...spec } }, shadow);
  const [first, second] = there.spec.ports ?? [];
  if (first === undefined || second === undefined) throw new Error("unreachable");

  test("has its new selector, replaced or merged into ours", () => {
    expect(again({ selector: { app: "v2" } })?.selector).toEqual({ app: "v2" });
    expect(again({ selector: { ...ROUTERS, app: "v2" } })?.selector).toEqual({ app: "v2" });
    expect(again({ selector: { "app.kubernetes.io/name": "web" } })?.selector).toEqual({
      "app.kubernetes.io/name": "web",
    });
    expect(again({})?.selector).toEqual({ app: "web" });
  });

  test("has its new ports, and the old targets where nothing new was said", () => {
    const changed = [
      { ...first, appProtocol: "http" },
      { ...second, targetPort: 9999 },
      { name: "new", port: 7000, targetPort: 7000 },
    ];
    expect(again({ ports: changed })?.ports).toEqual([
      { name: "http", protocol: "TCP", port: 80, targetPort: "web", appProtocol: "http" },
      { name: "admin", protocol: "TCP", port: 9000, targetPort: 9999, nodePort: 30_001 },
      { name: "new", port: 7000, targetPort: 7000 },
    ]);
  });

  test("without our annotation is known by its shadow; without both it is lost, and nothing is guessed", () => {
    const stripped: Service = { ...there, metadata: { name: "web", namespace: "shop" } };
    expect(originalOf(stripped, shadow)).toMatchObject({ selector: { app: "web" } });
    expect(originalOf(stripped, undefined)).toBeUndefined();
    const broken = { ...there, metadata: { ...there.metadata, annotations: { [ORIGINAL_ANNOTATION]: "{" } } };
    expect(originalOf(broken, shadow)).toMatchObject({ selector: { app: "web" } });
    expect(judgeTakeOver({ service: stripped, shadow: undefined, policy: POLICY })).toMatchObject({
      kind: "refused",
      reason: "OriginalLost",
    });
  });

  test("is recognised by its annotation alone when the shadow is gone", () => {
    expect(originalOf(there, undefined)).toEqual(originalOf(there, shadow));
    expect(isTaken(there, undefined)).toBe(true);
  });
});

function judge(spec: Partial<ServiceSpec>, metadata: Partial<Service["metadata"]> = {}) {
  return judgeTakeOver({ service: service(spec, metadata), shadow: undefined, policy: POLICY });
}

describe("judgeTakeOver", () => {
  test("wants it for any mode but Local, and for no other reason", () => {
    expect(judge({}).kind).toBe("wanted");
    const local = { ...POLICY, spec: { ...POLICY.spec, mode: "Local" as const } };
    const none = [
      { service: service(), policy: undefined },
      { service: service(), policy: local },
      { service: undefined, policy: POLICY },
      { service: service({}, { labels: { "isthmus.dev/import": "true" } }), policy: POLICY },
      { service: service({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }), policy: POLICY },
    ];
    for (const input of none) expect(judgeTakeOver({ ...input, shadow: undefined }).kind).toBe("none");
  });

  test.each<[string, Partial<ServiceSpec>]>([
    ["ExternalName", { type: "ExternalName", externalName: "x.example" }],
    ["Headless", { clusterIP: "None" }],
    ["NodeLocal", { type: "LoadBalancer", externalTrafficPolicy: "Local" }],
    ["NodeLocal", { internalTrafficPolicy: "Local" }],
    ["NotReadyAddresses", { publishNotReadyAddresses: true }],
    ["NotTcp", { ports: [{ port: 53, protocol: "UDP" }] }],
    ["NoSelector", { selector: {} }],
    ["NoSelector", { ports: [] }],
  ])("refuses what is not safe, with the reason %s", (reason, spec) => {
    expect(judge(spec)).toMatchObject({ kind: "refused", reason });
  });

  test("takes NodePort and LoadBalancer Services: who comes in there is led through the routers too", () => {
    for (const type of ["NodePort", "LoadBalancer"] as const)
      expect(judge({ type, externalTrafficPolicy: "Cluster" }).kind).toBe("wanted");
  });

  test("never touches our own Services, nor one whose shadow's name another has", () => {
    expect(judge({}, { name: "isthmus-router" })).toMatchObject({ reason: "OwnService" });
    const other = service({}, { name: "web-isthmus" });
    expect(judgeTakeOver({ service: service(), shadow: other, policy: POLICY })).toMatchObject({
      reason: "NameTaken",
    });
  });
});

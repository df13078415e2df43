import { describe, expect, test } from "bun:test";
import type { EndpointSlice, Service } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import { parseConfig } from "#router/config.ts";
import { resolveExport } from "./exports.ts";
import { IMPORT_LABEL } from "./names.ts";

function service(spec: Service["spec"], labels: Record<string, string> = {}): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop", labels }, spec };
}

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

function slice(
  name: string,
  options: { type?: "IPv4" | "IPv6"; ports?: EndpointSlice["ports"]; endpoints: Endpoint[] },
): EndpointSlice {
  const { type = "IPv4", ports = [{ name: "http", port: 8080, protocol: "TCP" }], endpoints } = options;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "shop" },
    addressType: type,
    ports,
    endpoints,
  };
}

function pod(name: string, address: string, conditions: Endpoint["conditions"] = { ready: true }): Endpoint {
  return { addresses: [address], conditions, targetRef: { kind: "Pod", name } };
}

const HTTP: Service["spec"] = { ports: [{ name: "http", port: 80, targetPort: "web", protocol: "TCP" }] };

function resolve(given: Service | undefined, slices: EndpointSlice[] = []) {
  return resolveExport({ namespace: "shop", name: "web", service: given, slices });
}

function endpointsOf(slices: EndpointSlice[], spec = HTTP) {
  const verdict = resolve(service(spec), slices);
  return verdict.valid ? verdict.config.endpoints : [];
}

describe("what cannot be exported is named with KEP-1645's reason", () => {
  test("no Service", () => {
    expect(resolve(undefined)).toMatchObject({ valid: false, reason: "NoService" });
  });
  test("ExternalName", () => {
    expect(resolve(service({ type: "ExternalName", externalName: "x" }))).toMatchObject({
      valid: false,
      reason: "InvalidServiceType",
    });
  });
  test("no TCP port", () => {
    expect(resolve(service({ ports: [{ port: 53, protocol: "UDP" }] }))).toMatchObject({ valid: false });
  });
  test("the Service of an import, which would send traffic in circles", () => {
    expect(resolve(service(HTTP, { [IMPORT_LABEL]: "true" }))).toMatchObject({
      valid: false,
      reason: "NoService",
    });
  });
});

describe("endpoints", () => {
  test("are the pods of all slices with their own target ports, ready or not", () => {
    const slices = [
      slice("b", { endpoints: [pod("p2", "10.0.0.2", { ready: false })] }),
      slice("a", { ports: [{ name: "http", port: 9090 }], endpoints: [pod("p1", "10.0.0.1")] }),
    ];
    expect(endpointsOf(slices)).toEqual([
      { id: "p1", name: "p1", host: "10.0.0.1", ports: { "80": 9090 }, ready: true },
      { id: "p2", name: "p2", host: "10.0.0.2", ports: { "80": 8080 }, ready: false },
    ]);
  });
  test("that are terminating get nothing new, even where all addresses are published as ready", () => {
    const [endpoint] = endpointsOf([
      slice("a", { endpoints: [pod("p1", "10.0.0.1", { ready: true, terminating: true })] }),
    ]);
    expect(endpoint?.ready).toBe(false);
  });
  test("of a dual-stack pod are one, by IPv4", () => {
    const slices = [
      slice("a", { type: "IPv6", endpoints: [pod("p1", "fd00::1")] }),
      slice("b", { endpoints: [pod("p1", "10.0.0.1")] }),
    ];
    expect(endpointsOf(slices).map(({ host }) => host)).toEqual(["10.0.0.1"]);
  });
  test("without a pod are called by their address", () => {
    expect(endpointsOf([slice("a", { endpoints: [{ addresses: ["10.0.0.9"] }] })])[0]).toMatchObject({
      id: "10.0.0.9",
      ready: true,
    });
  });
  test("of an unnamed port belong to the unnamed slice port", () => {
    const slices = [slice("a", { ports: [{ port: 8080 }], endpoints: [pod("p1", "10.0.0.1")] })];
    expect(endpointsOf(slices, { ports: [{ port: 80 }] })[0]?.ports).toEqual({ "80": 8080 });
  });
});

test("UDP ports are left out and said to be", () => {
  const verdict = resolve(
    service({
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 53, protocol: "UDP" },
      ],
    }),
  );
  expect(verdict).toMatchObject({ valid: true, ignored: ["53/UDP"] });
});

describe("what others are told beside ports and endpoints", () => {
  const at = "2026-01-02T03:04:05Z";
  function termsFor(spec: Service["spec"], exported: ServiceExport["spec"] = {}) {
    const verdict = resolveExport({
      namespace: "shop",
      name: "web",
      service: service(spec),
      exported: {
        apiVersion: "multicluster.x-k8s.io/v1beta1",
        kind: "ServiceExport",
        metadata: { name: "web", creationTimestamp: at },
        spec: exported,
      },
      slices: [],
    });
    if (!verdict.valid) throw new Error(verdict.message);
    expect(parseConfig({ site: { id: "a", name: "a" }, services: [verdict.config] })).toMatchObject({
      ok: true,
    });
    return { ...verdict.config.terms, ignored: verdict.ignored };
  }

  test("is what the Service and the export say", () => {
    const spec: Service["spec"] = {
      ports: [...(HTTP.ports ?? []), { name: "dns", port: 53, protocol: "UDP" }],
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: "Cluster",
      trafficDistribution: "PreferClose",
      ipFamilies: ["IPv4"],
    };
    expect(termsFor(spec, { exportedLabels: { a: "1" }, exportedAnnotations: { b: "2" } })).toEqual({
      type: "ClusterSetIP",
      createdMs: Date.parse(at),
      sessionAffinity: "ClientIP",
      affinitySeconds: 10,
      internalTrafficPolicy: "Cluster",
      trafficDistribution: "PreferClose",
      ipFamilies: ["IPv4"],
      labels: { a: "1" },
      annotations: { b: "2" },
      otherPorts: [{ name: "dns", port: 53, protocol: "UDP" }],
      ignored: ["53/UDP"],
    });
  });

  test("a headless Service may have no port", () => {
    expect(termsFor({ clusterIP: "None" })).toMatchObject({ type: "Headless" });
  });

  test("labels and annotations that are too large stay here, and that is said", () => {
    const exportedAnnotations = { note: "x".repeat(20_000) };
    const said = termsFor(HTTP, { exportedAnnotations, exportedLabels: { a: "1" } });
    expect(said).toMatchObject({ labels: { a: "1" }, ignored: ["exportedAnnotations"] });
    expect(said).not.toHaveProperty("annotations");
  });
});

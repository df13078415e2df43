import { describe, expect, test } from "bun:test";
import { formatProblem } from "./problem.ts";
import { isKind, type Kind, KINDS, parseObject, validate, withDefaults } from "./registry.ts";
import { apiVersionOf, RESOURCES } from "./resources.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const HASH = "0123456789abcdef".repeat(4);
const TIME = "2026-11-20T10:00:00Z";
const READY = { type: "Ready", status: "True", reason: "Ready", message: "", lastTransitionTime: TIME };

/** With fields that the server adds. */
const METADATA = { name: "example", namespace: "app", labels: { a: "b" }, uid: "1", generation: 3 };

function object(kind: Kind, rest: object): { apiVersion: string; kind: string; metadata: { name: string } } {
  return {
    apiVersion: apiVersionOf(KINDS[kind].resource),
    kind,
    metadata: METADATA,
    ...rest,
  };
}

const link = { endpoints: [{ host: "127.0.0.1", port: 7443 }] };
const token = { url: "https://127.0.0.1:7444", ca: PEM, network: "n1", codeSecret: "example" };

const GOOD: readonly [Kind, object][] = [
  ["Site", {}],
  ["Site", { spec: {} }],
  ["Site", { spec: { name: "east.example", linkAccess: "LoadBalancer", router: { replicas: 2 } } }],
  ["Site", { spec: { entry: { port: 81 } } }],
  [
    "Site",
    {
      status: {
        id: "s1",
        network: "n1",
        endpoints: [
          { name: "link", host: "127.1.240.1", port: 7443 },
          { name: "join", host: "127.1.240.1", port: 7444 },
        ],
        sitesInNetwork: 2,
        sites: [
          {
            id: "s1",
            name: "c1",
            namespace: "app",
            version: "0.1.0",
            reachable: true,
            links: [{ site: "s2", cost: 1, rttMs: 0.4, state: "up" }],
            services: [
              {
                service: "app/web",
                ports: [{ name: "http", port: 80, protocol: "TCP" }],
                endpoints: [{ id: "p1", name: "web-1", ready: true }],
              },
            ],
          },
        ],
        links: { incoming: [{ site: "s2", name: "c2" }] },
        conditions: [READY],
      },
    },
  ],
  ["Link", { spec: link }],
  ["Link", { spec: { endpoints: [{ host: "fe80::1%eth0", port: 1 }], cost: 1000, lanes: 16, site: "s2" } }],
  [
    "Link",
    { spec: link, status: { remoteSite: "c2", remoteSiteId: "s2", rttMs: 0.25, conditions: [READY] } },
  ],
  ["AccessGrant", { spec: { codeHash: HASH } }],
  ["AccessGrant", { spec: { codeHash: HASH, redemptionsAllowed: 3, expirationWindow: "1h30m" } }],
  [
    "AccessGrant",
    { spec: { codeHash: HASH }, status: { url: token.url, ca: PEM, expirationTime: TIME, redemptions: 0 } },
  ],
  ["AccessToken", { spec: token }],
  [
    "AccessToken",
    {
      spec: { ...token, url: "https://[::1]:7444/", linkName: "west", linkCost: 4 },
      status: { link: "west" },
    },
  ],
  ["TrafficPolicy", {}],
  ["TrafficPolicy", { spec: { spread: "Cost", algorithm: "LeastRequest", spillAt: 4 } }],
  ["TrafficPolicy", { spec: { mode: "Local" } }],
  ["TrafficPolicy", { spec: { mode: "ActiveActive", targets: [{ cluster: "c2", weight: 0 }] } }],
  [
    "TrafficPolicy",
    {
      spec: {
        mode: "Failover",
        targets: [
          { cluster: "c2", priority: 1 },
          { cluster: "c3", priority: 1 },
        ],
        failover: { minHealthyPercent: 50, ramp: "0s", failback: "Manual" },
        algorithm: "Hash",
        hash: { source: "Cookie", name: "sid", ttlSeconds: 3600 },
        retries: { attempts: 3 },
        timeouts: { connect: "500ms", request: "1m30s", idle: "1h", keepAlive: "60s" },
        outlier: { serverErrors: true, maxEjection: "30s" },
        health: { type: "GRPC", port: 9090, interval: "1s" },
      },
      status: {
        summary: "c2 50%, c3 50%",
        shares: [{ cluster: "c2", percent: 33.3, endpoints: [{ name: "p", percent: 33.3 }] }],
        conditions: [READY],
      },
    },
  ],
  [
    "TrafficPolicy",
    {
      spec: {
        mode: "ActiveActive",
        spread: "Weighted",
        targets: [
          { cluster: "c1", weight: 1 },
          { cluster: "c2", weight: 0 },
        ],
        affinity: { type: "Cookie", cookie: "lb", timeoutSeconds: 60 },
      },
    },
  ],
  ["ServiceExport", {}],
  ["ServiceExport", { spec: { exportedLabels: { a: "b" }, exportedAnnotations: { "c.d/e": "" } } }],
  [
    "ServiceExport",
    {
      apiVersion: "multicluster.x-k8s.io/v1alpha1",
      status: { conditions: [{ ...READY, reason: "PortConflict,TypeConflict" }] },
    },
  ],
  ["ServiceImport", { spec: { ports: [], type: "Headless" } }],
  [
    "ServiceImport",
    {
      spec: {
        ports: [{ name: "http", protocol: "TCP", appProtocol: "http", port: 80 }],
        ips: ["127.1.128.1"],
        type: "ClusterSetIP",
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
        ipFamilies: ["IPv4"],
        internalTrafficPolicy: "Cluster",
        trafficDistribution: "PreferClose",
      },
      status: { clusters: [{ cluster: "c1" }, { cluster: "c2" }], conditions: [READY] },
    },
  ],
];

const BAD: readonly [Kind, object, string][] = [
  ["Site", { metadata: {} }, "metadata.name: Missing"],
  ["Site", { metadata: { name: "Site One" } }, "metadata.name: Expected a DNS name"],
  ["Site", { apiVersion: "isthmus.dev/v1" }, 'apiVersion: Expected one of "isthmus.dev/v1alpha1"'],
  ["Site", { kind: "Sit" }, 'kind: Expected one of "Site", got "Sit"'],
  ["Site", { spce: {} }, 'spce: Unknown field "spce": did you mean "spec"?'],
  [
    "Site",
    { spec: { linkAcces: "None" } },
    'spec.linkAcces: Unknown field "linkAcces": did you mean "linkAccess"?',
  ],
  ["Site", { spec: { linkAccess: "Loadbalancer" } }, 'got "Loadbalancer": did you mean "LoadBalancer"?'],
  [
    "Site",
    { spec: { router: { replicas: 0 } } },
    "spec.router.replicas: Expected a whole number from 1 to 100, got 0",
  ],
  ["Site", { spec: { name: "-east" } }, "spec.name: Expected a DNS name"],
  [
    "Site",
    { status: { endpoints: [{ name: "x", host: "h", port: 1 }] } },
    "status.endpoints[0].name: Expected one of",
  ],
  ["Link", {}, "spec: Missing"],
  ["Link", { spec: {} }, "spec.endpoints: Missing"],
  ["Link", { spec: { endpoints: [] } }, "spec.endpoints: Expected a list of 1 to 16 items, got a list of 0"],
  [
    "Link",
    { spec: { endpoints: [{ host: "a b", port: 1 }] } },
    "spec.endpoints[0].host: Expected a host name",
  ],
  ["Link", { spec: { endpoints: [{ host: "a" }] } }, "spec.endpoints[0].port: Missing"],
  [
    "Link",
    { spec: { endpoints: [{ host: "a", port: 70_000 }] } },
    "spec.endpoints[0].port: Expected a whole number",
  ],
  ["Link", { spec: { ...link, cost: 1001 } }, "spec.cost: Expected a whole number from 1 to 1000, got 1001"],
  ["Link", { spec: { ...link, lanes: 17 } }, "spec.lanes: Expected a whole number from 1 to 16, got 17"],
  ["AccessGrant", { spec: {} }, "spec.codeHash: Missing: expected a SHA-256 digest"],
  ["AccessGrant", { spec: { codeHash: HASH.toUpperCase() } }, "spec.codeHash: Expected a SHA-256 digest"],
  ["AccessGrant", { spec: { codeHash: HASH, redemptionsAllowed: 0 } }, "spec.redemptionsAllowed: Expected"],
  [
    "AccessGrant",
    { spec: { codeHash: HASH, expirationWindow: "15" } },
    "spec.expirationWindow: Expected a duration like",
  ],
  ["AccessToken", { spec: { ...token, url: "http://127.0.0.1" } }, "spec.url: Expected an https URL"],
  ["AccessToken", { spec: { ...token, url: "127.0.0.1:7444" } }, "spec.url: Expected an https URL"],
  ["AccessToken", { spec: { ...token, ca: "MIIB" } }, "spec.ca: Expected a certificate in PEM"],
  ["AccessToken", { spec: { ...token, code: "x" } }, 'spec.code: Unknown field "code"'],
  ["AccessToken", { spec: { ...token, linkCost: 0 } }, "spec.linkCost: Expected"],
  [
    "TrafficPolicy",
    { spec: { spread: "endpoints" } },
    'spec.spread: Expected one of "Endpoints", "Clusters", "Weighted"',
  ],
  ["TrafficPolicy", { spec: { spillAt: 4 } }, "spec: spillAt works only with spread Cost"],
  [
    "TrafficPolicy",
    { spec: { targets: [{ cluster: "c2", weight: 3 }] } },
    "Weights of targets work only with spread Weighted",
  ],
  ["TrafficPolicy", { spec: { spread: "Weighted" } }, "spread Weighted needs targets"],
  ["TrafficPolicy", { spec: { mode: "Local", targets: [{ cluster: "c2" }] } }, "mode Local has no targets"],
  [
    "TrafficPolicy",
    { spec: { mode: "ActiveActive", failover: {} } },
    "failover works only with mode Failover",
  ],
  [
    "TrafficPolicy",
    { spec: { mode: "ActiveActive", targets: [{ cluster: "c2", priority: 1 }] } },
    "Priorities of targets work only with mode Failover",
  ],
  [
    "TrafficPolicy",
    { spec: { targets: [{ cluster: "c2" }, { cluster: "c2" }] } },
    "spec.targets[1]: Expected another cluster than in spec.targets[0]",
  ],
  ["TrafficPolicy", { spec: { hash: { source: "ClientIP" } } }, "hash works only with algorithm Hash"],
  [
    "TrafficPolicy",
    { spec: { algorithm: "Hash", hash: { source: "Header" } } },
    "spec.hash: name is needed with source Header and Cookie",
  ],
  [
    "TrafficPolicy",
    { spec: { algorithm: "Hash", affinity: { type: "ClientIP" } } },
    "affinity and algorithm Hash exclude each other",
  ],
  [
    "TrafficPolicy",
    { spec: { spread: "Latency", algorithm: "Random" } },
    "spread Latency has the algorithm PeakEwma",
  ],
  ["TrafficPolicy", { spec: { timeouts: { connect: "0s" } } }, "spec.timeouts.connect: Expected 1ms to 24h"],
  [
    "TrafficPolicy",
    { spec: { timeouts: { request: 30 } } },
    "spec.timeouts.request: Expected a duration like 500ms",
  ],
  [
    "TrafficPolicy",
    { spec: { health: { type: "TCP", path: "/" } } },
    "spec.health: path does not work with type TCP",
  ],
  [
    "TrafficPolicy",
    { spec: { health: { interval: "1s", timeout: "2s" } } },
    "spec.health: timeout is longer than interval",
  ],
  [
    "TrafficPolicy",
    { spec: { outlier: { baseEjection: "2m" } } },
    "spec.outlier: baseEjection is longer than maxEjection",
  ],
  [
    "TrafficPolicy",
    { spec: { affinity: { type: "ClientIP", cookie: "c" } } },
    "spec.affinity: cookie works only with type Cookie",
  ],
  ["TrafficPolicy", { spec: { health: { path: "ready" } } }, 'spec.health: path begins with "/"'],
  ["Site", { spec: { entry: {} } }, "spec.entry.port: Missing"],
  ["ServiceExport", { spec: { exportedLabels: { a: 1 } } }, "spec.exportedLabels.a: Expected text, got 1"],
  [
    "ServiceImport",
    { spec: { ports: [] } },
    'spec.type: Missing: expected one of "ClusterSetIP", "Headless"',
  ],
  ["ServiceImport", { spec: { type: "Headless", ports: [{}] } }, "spec.ports[0].port: Missing"],
  [
    "ServiceImport",
    { spec: { type: "Headless", ports: [], ips: ["a", "b", "c"] } },
    "spec.ips: Expected a list",
  ],
  [
    "ServiceExport",
    { status: { conditions: [READY, READY] } },
    "status.conditions[1]: Expected another type than",
  ],
  [
    "ServiceExport",
    { status: { conditions: [{ ...READY, reason: "not camel" }] } },
    "status.conditions[0].reason:",
  ],
];

describe("validate", () => {
  test.each(GOOD)("accepts this %s: %j", (kind, rest) => {
    expect(validate(kind, object(kind, rest)).map(formatProblem)).toEqual([]);
  });

  test.each(BAD)("refuses this %s: %j", (kind, rest, expected) => {
    const found = validate(kind, object(kind, rest)).map(formatProblem);
    expect(found.some((line) => line.includes(expected)) || found).toBe(true);
  });

  test("every kind has good and bad examples", () => {
    for (const kind of Object.keys(KINDS)) {
      expect(GOOD.some(([name]) => name === kind)).toBe(true);
      expect(BAD.some(([name]) => name === kind)).toBe(true);
    }
  });

  test("refuses what is no object at all, without throwing", () => {
    for (const value of [null, undefined, 3, "Site", [], {}]) {
      for (const kind of Object.keys(KINDS).filter(isKind)) expect(validate(kind, value)).not.toEqual([]);
    }
  });
});

test("withDefaults fills in what the API server would, and keeps the rest", () => {
  const site = withDefaults("Site", object("Site", {}));
  expect(site.spec).toEqual({ linkAccess: "None", router: { replicas: 1 } });
  expect(site.metadata).toEqual(object("Site", {}).metadata);
  expect(withDefaults("Site", object("Site", { spec: { router: {} } })).spec.router.replicas).toBe(1);
  expect(withDefaults("Link", object("Link", { spec: link })).spec).toEqual({ ...link, cost: 1, lanes: 2 });
  expect(withDefaults("AccessGrant", object("AccessGrant", { spec: { codeHash: HASH } })).spec).toEqual({
    codeHash: HASH,
    redemptionsAllowed: 1,
    expirationWindow: "15m",
  });
  expect(withDefaults("TrafficPolicy", object("TrafficPolicy", {})).spec).toEqual({
    mode: "Failover",
    spread: "Endpoints",
  });
  const health = { health: {}, failover: {}, outlier: {} };
  expect(withDefaults("TrafficPolicy", object("TrafficPolicy", { spec: health })).spec).toMatchObject({
    health: { type: "HTTP", interval: "2s", timeout: "1s", rise: 2, fall: 3 },
    failover: { minHealthyPercent: 1, ramp: "10s", failback: "Auto" },
    outlier: { enabled: true, consecutiveFailures: 5, baseEjection: "1s", maxEjectedPercent: 50 },
  });
});

test("parseObject throws INVALID that names the object and the field", () => {
  expect(parseObject("Link", object("Link", { spec: link })).spec.cost).toBe(1);
  expect(() => parseObject("Link", object("Link", { spec: { ...link, cost: 0 } }))).toThrow(
    'Link "example": spec.cost: Expected a whole number from 1 to 1000, got 0',
  );
  expect(() => parseObject("Link", null)).toThrow("Link: Missing: expected an object");
});

test("each kind's resource is in RESOURCES, and isKind knows the kinds only", () => {
  const resources: readonly object[] = Object.values(RESOURCES);
  for (const kind of Object.values(KINDS)) expect(resources).toContain(kind.resource);
  expect(isKind("Site")).toBe(true);
  expect(isKind("site")).toBe(false);
  expect(isKind("toString")).toBe(false);
});

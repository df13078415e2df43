import { expect, test } from "bun:test";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { validate, withDefaults } from "#api/registry.ts";
import { parseConfig } from "#router/config.ts";
import { affinityOf, healthConfig, policyConfig } from "./policy-config.ts";

function policy(spec: object, status: object = {}): TrafficPolicy {
  const object = {
    apiVersion: apiVersionOf(RESOURCES.trafficPolicies),
    kind: "TrafficPolicy",
    metadata: { name: "web", namespace: "shop" },
    spec,
    status,
  };
  expect(validate("TrafficPolicy", object)).toEqual([]);
  return withDefaults("TrafficPolicy", object);
}

function toRouter(spec: object, status: object = {}) {
  const config = policyConfig("shop/web", { policy: policy(spec, status), affinity: undefined });
  const whole = { site: { id: "a", name: "a" }, policies: config === undefined ? [] : [config] };
  expect(parseConfig(whole)).toEqual({ ok: true, config: whole });
  return config;
}

test("a policy with no more than its defaults leaves the rest to the router", () => {
  expect(toRouter({})).toEqual({ service: "shop/web", mode: "Failover", spread: "Endpoints" });
});

test("all of a policy reaches the routers, durations in ms", () => {
  expect(
    toRouter({
      targets: [{ cluster: "c2", priority: 1 }, { cluster: "c3" }],
      failover: { minHealthyPercent: 50, ramp: "0s" },
      spread: "Cost",
      spillAt: 1_000_000,
      algorithm: "LeastRequest",
      retries: { attempts: 0 },
      timeouts: { connect: "500ms", request: "1m30s", keepAlive: "1h" },
      outlier: { baseEjection: "2s" },
      affinity: { type: "Cookie", cookie: "lb", timeoutSeconds: 60 },
    }),
  ).toEqual({
    service: "shop/web",
    mode: "Failover",
    targets: [{ cluster: "c2", priority: 1 }, { cluster: "c3" }],
    failover: { minHealthyPercent: 50, rampMs: 0, failback: "Auto" },
    spread: "Cost",
    spillAt: 100_000,
    algorithm: "LeastRequest",
    retries: { attempts: 0, budgetPercent: 20 },
    timeouts: { connectMs: 500, requestMs: 90_000, httpIdleMs: 3_600_000 },
    outlier: {
      enabled: true,
      consecutiveFailures: 5,
      serverErrors: false,
      baseEjectionMs: 2000,
      maxEjectionMs: 60_000,
      maxEjectedPercent: 50,
    },
    affinity: { type: "Cookie", cookie: "lb", timeoutSeconds: 60 },
  });
  expect(
    toRouter({ algorithm: "Hash", hash: { source: "Cookie", name: "sid", ttlSeconds: 60 } }),
  ).toMatchObject({ algorithm: "Hash", hash: { source: "Cookie", name: "sid", ttlSeconds: 60 } });
  expect(
    toRouter({ mode: "ActiveActive", spread: "Weighted", targets: [{ cluster: "c2", weight: 0 }] }),
  ).toMatchObject({ mode: "ActiveActive", spread: "Weighted", targets: [{ cluster: "c2", weight: 0 }] });
});

test("resume is told only with manual failback", () => {
  const status = { failback: { value: "now", resume: 7 } };
  expect(toRouter({ failover: { failback: "Manual" } }, status)).toMatchObject({ resume: 7 });
  expect(toRouter({ failover: {} }, status)).not.toHaveProperty("resume");
});

test("affinity comes from the Service where the policy has none, but never beside algorithm Hash", () => {
  const affinity = affinityOf([undefined, { sessionAffinity: "None" }, { sessionAffinity: "ClientIP" }]);
  expect(affinity).toEqual({ type: "ClientIP", timeoutSeconds: 10_800 });
  const of = (spec: object) => policyConfig("shop/web", { policy: policy(spec), affinity })?.affinity;
  expect(of({})).toEqual({ type: "ClientIP", timeoutSeconds: 10_800 });
  expect(of({ affinity: { type: "Cookie" } })).toEqual({ type: "Cookie" });
  expect(of({ algorithm: "Hash" })).toBeUndefined();
  expect(policyConfig("shop/web", { policy: undefined, affinity })).toEqual({
    service: "shop/web",
    affinity: { type: "ClientIP", timeoutSeconds: 10_800 },
  });
  expect(policyConfig("shop/web", { policy: undefined, affinity: undefined })).toBeUndefined();
});

test("an object that no CRD has seen does not make the routers refuse everything", () => {
  const raw = {
    ...policy({}),
    spec: {
      targets: [{ cluster: "c2" }, { cluster: "c2" }],
      timeouts: { connect: "soon" },
      hash: { source: "Header" },
      outlier: { baseEjection: "5m" },
    },
  } as unknown as TrafficPolicy;
  const config = policyConfig("shop/web", { policy: raw, affinity: undefined });
  expect(config).toMatchObject({ mode: "Failover", targets: [{ cluster: "c2" }], timeouts: {} });
  if (config === undefined) throw new Error("unreachable");
  expect(parseConfig({ site: { id: "a", name: "a" }, policies: [config] })).toMatchObject({ ok: true });
});

test("health is for the router that has the endpoints", () => {
  expect(healthConfig(policy({}))).toBeUndefined();
  expect(
    healthConfig(policy({ health: { type: "HTTP", path: "/up", interval: "500ms", timeout: "200ms" } })),
  ).toEqual({
    type: "HTTP",
    path: "/up",
    intervalMs: 500,
    timeoutMs: 200,
    rise: 2,
    fall: 3,
  });
});

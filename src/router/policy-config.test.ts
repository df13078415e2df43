import { expect, test } from "bun:test";
import { parseConfig, type PolicyConfig } from "./config.ts";
import { selectionOf } from "./selection/policy.ts";

const site = { id: "a", name: "home" };
const endpoint = { id: "p", name: "p", host: "127.0.0.1", ports: { "80": 8080 }, ready: true };

function problemsOf(config: object): string[] {
  const result = parseConfig({ site, ...config });
  return result.ok ? [] : result.problems.map(({ field, message }) => `${field}: ${message}`);
}

function policyProblems(policy: object): string[] {
  return problemsOf({ policies: [{ service: "ns/app", ...policy }] });
}

function healthProblems(health: object): string[] {
  return problemsOf({
    services: [{ service: "ns/app", ports: [{ port: 80 }], endpoints: [endpoint], health }],
  });
}

const FULL: Omit<PolicyConfig, "service"> = {
  mode: "ActiveActive",
  targets: [{ cluster: "west", weight: 3, priority: 1 }, { cluster: "home" }],
  failover: { minHealthyPercent: 50, rampMs: 0, failback: "Manual" },
  spread: "Weighted",
  algorithm: "Hash",
  hash: { source: "Header", name: "X-User" },
  spillAt: 5,
  retries: { attempts: 0, budgetPercent: 5 },
  timeouts: { connectMs: 200, requestMs: 0, idleMs: 1, httpIdleMs: 5 },
  outlier: {
    enabled: false,
    consecutiveFailures: 2,
    serverErrors: true,
    baseEjectionMs: 10,
    maxEjectionMs: 20,
    maxEjectedPercent: 100,
  },
  resume: 1_763_000_000,
};

test("every field of a policy is taken", () => {
  expect(policyProblems(FULL)).toEqual([]);
  expect(policyProblems({ affinity: { type: "Cookie", cookie: "route", timeoutSeconds: 5 } })).toEqual([]);
  expect(policyProblems({})).toEqual([]);
});

test.each<[string, object, RegExp]>([
  ["a mode that is none", { mode: "Global" }, /^policies\[0\]\.mode: Expected one of/],
  ["a negative weight", { targets: [{ cluster: "b", weight: -1 }] }, /targets\[0\]\.weight/],
  ["a target twice", { targets: [{ cluster: "b" }, { cluster: "b" }] }, /targets\[1\].*already used/],
  ["a header without a name", { hash: { source: "Header" } }, /hash\.name: Needed with source Header/],
  ["a ttl of a header", { hash: { source: "Header", name: "x", ttlSeconds: 1 } }, /hash\.ttlSeconds/],
  [
    "a hash with another algorithm",
    { algorithm: "Random", hash: { source: "ClientIP" } },
    /only with algorithm Hash/,
  ],
  ["a name that is no token", { hash: { source: "Cookie", name: "a b" } }, /hash\.name/],
  [
    "an ejection that shrinks",
    { outlier: { baseEjectionMs: 9, maxEjectionMs: 8 } },
    /maxEjectionMs: Is less/,
  ],
  ["0 % of healthy", { failover: { minHealthyPercent: 0 } }, /minHealthyPercent/],
])("%s is refused, and the field named", (_name, policy, words) => {
  const problems = policyProblems(policy);
  expect(problems.length).toBe(1);
  expect(problems[0]).toMatch(words);
});

test("health checks: a port of the service, and a path that is one", () => {
  expect(healthProblems({ type: "HTTP", port: 80, path: "/ready?full=1", rise: 1, fall: 1 })).toEqual([]);
  expect(healthProblems({ type: "GRPC", path: "shop.Cart", intervalMs: 500, timeoutMs: 100 })).toEqual([]);
  expect(healthProblems({ type: "TCP", port: 81 })[0]).toMatch(/^services\[0\]\.health\.port: Is not among/);
  expect(healthProblems({ type: "HTTP", path: "ready" })[0]).toMatch(/health\.path: Expected a path/);
  expect(healthProblems({ type: "ICMP" })[0]).toMatch(/health\.type/);
});

test("what is left out has its default, which depends on the protocol", () => {
  const self = { siteId: "a", name: "home" };
  expect(selectionOf({}, { http: true, self })).toEqual({
    mode: "Failover",
    targets: undefined,
    minHealthyPercent: 1,
    rampMs: 10_000,
    failback: "Auto",
    resume: 0,
    spread: "Endpoints",
    algorithm: "LeastRequest",
    hash: undefined,
    cookie: undefined,
    spillAt: undefined,
    outlier: {
      enabled: true,
      consecutiveFailures: 5,
      serverErrors: false,
      baseEjectionMs: 1000,
      maxEjectionMs: 60_000,
      maxEjectedPercent: 50,
    },
    lostConnectMs: 500,
  });
  expect(selectionOf({}, { http: false, self }).algorithm).toBe("RoundRobin");
  const full = selectionOf(FULL, { http: false, self });
  expect(full).toMatchObject({ hash: { source: "Header", name: "x-user" }, lostConnectMs: 100 });
  expect(full.targets?.map(({ local }) => local)).toEqual([false, true]);
});

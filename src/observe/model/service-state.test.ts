import { expect, test } from "bun:test";
import type { PolicyState } from "#router/state.ts";
import { serviceState } from "./service-state.ts";
import { policyKey, type TopologyService } from "./topology.ts";

const PORT = 80;

function service(options: {
  readonly pods: Readonly<Record<string, boolean>>;
  readonly clients?: readonly string[];
  readonly policies?: Readonly<Record<string, PolicyState["tiers"]>>;
  readonly troubles?: Readonly<Record<string, "failover" | "down">>;
}): TopologyService {
  const { pods, clients = ["c1", "c2"], policies = {}, troubles = {} } = options;
  return {
    service: "shop/web",
    ports: [PORT],
    protocol: "http",
    sites: ["c1", "c2"],
    endpoints: Object.entries(pods).map(([endpoint, ready]) => {
      const siteId = endpoint.split("/")[0] ?? "";
      return { endpoint, name: endpoint, siteId, site: siteId, ready, weight: 1 };
    }),
    clients,
    policies: new Map(
      Object.entries(policies).map(([siteId, tiers]) => [
        policyKey(siteId, PORT),
        { service: "shop/web", port: PORT, tiers, clusters: [], unknownTargets: [] },
      ]),
    ),
    troubles: new Map(Object.entries(troubles)),
    derived: { defaults: new Map() },
  };
}

function tiersOf(
  ...parts: readonly [clusters: string[], healthy: number, share: number][]
): PolicyState["tiers"] {
  return parts.map(([clusters, healthyPercent, sharePercent], index) => ({
    tier: index + 1,
    clusters,
    healthyPercent,
    sharePercent,
  }));
}

const both = { "c1/a": true, "c2/b": true };

test("Without work a service is idle, with work it is ok", () => {
  expect(serviceState(service({ pods: both }), false)).toBe("idle");
  expect(serviceState(service({ pods: both }), true)).toBe("ok");
});

test("Nothing ready is down; without a policy, an own site that offers it and has nothing ready fails over", () => {
  expect(serviceState(service({ pods: { "c1/a": false, "c2/b": false } }), true)).toBe("down");
  expect(serviceState(service({ pods: { "c1/a": false, "c2/b": true } }), true)).toBe("failover");
  expect(serviceState(service({ pods: { "c1/a": false, "c2/b": true }, clients: ["c2"] }), true)).toBe("ok");
  expect(serviceState(service({ pods: { "c2/b": true } }), true)).toBe("ok");
});

test("What events tell counts where no policy is shown: endpoints that were put aside are ready all the same", () => {
  expect(serviceState(service({ pods: both, troubles: { c1: "failover" } }), true)).toBe("failover");
  expect(serviceState(service({ pods: both, troubles: { c1: "down", c2: "down" } }), true)).toBe("down");
  expect(serviceState(service({ pods: both, troubles: { c1: "down" } }), true)).toBe("failover");
});

test("With a policy its tiers decide: a worse one that serves for an unhealthy better one, none for what spills", () => {
  const failing = service({
    pods: both,
    clients: ["c1"],
    policies: { c1: tiersOf([["c1"], 0, 0], [["c2"], 100, 100]) },
  });
  expect(serviceState(failing, true)).toBe("failover");
  const spilling = service({
    pods: both,
    clients: ["c1"],
    policies: { c1: tiersOf([["c1"], 100, 80], [["c2"], 100, 20]) },
  });
  expect(serviceState(spilling, true)).toBe("ok");
  const elsewhere = service({
    pods: both,
    clients: ["c1"],
    policies: { c1: tiersOf([[], 0, 0], [["c2"], 100, 100]) },
  });
  expect(serviceState(elsewhere, true)).toBe("ok");
  const nowhere = service({ pods: both, clients: ["c1"], policies: { c1: tiersOf([["c1"], 0, 0]) } });
  expect(serviceState(nowhere, true)).toBe("down");
});

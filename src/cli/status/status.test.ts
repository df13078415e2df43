import { expect, test } from "bun:test";
import type { Site } from "#api/kinds/site.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { styleFor } from "../output/style.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { siteSummary } from "./site-summary.ts";
import { formatStatus } from "./status.ts";

const plain = styleFor(new MemoryIo(), "out");
const PORT = { port: 8080, protocol: "TCP" as const };
const at = { lastTransitionTime: "2026-01-01T00:00:00Z" };

function site(status: Site["status"]): Site {
  return {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Site",
    metadata: { name: "c1", namespace: "shop" },
    spec: { linkAccess: "LoadBalancer", router: { replicas: 1 } },
    ...(status === undefined ? {} : { status }),
  };
}

test("one screen says whether the site is ready, what it is linked to and which services there are", () => {
  const summary = siteSummary(
    site({
      id: "id-1",
      network: "net-1",
      sitesInNetwork: 2,
      conditions: [
        {
          type: "Running",
          status: "True",
          reason: "Running",
          message: "1 of 1 routers are connected",
          ...at,
        },
        { type: "Ready", status: "True", reason: "Ready", message: "", ...at },
      ],
      links: { incoming: [{ site: "id-2", name: "c2", cost: 1, rttMs: 0.3 }] },
      sites: [
        { id: "id-1", name: "c1", version: "0.1.0" },
        {
          id: "id-2",
          name: "c2",
          reachable: true,
          services: [
            {
              service: "shop/web",
              ports: [PORT],
              endpoints: [
                { id: "a", name: "a", ready: true },
                { id: "b", name: "b", ready: false },
              ],
            },
          ],
        },
        {
          id: "id-3",
          name: "c3",
          reachable: false,
          services: [
            { service: "shop/web", ports: [PORT], endpoints: [{ id: "c", name: "c", ready: true }] },
          ],
        },
      ],
    }),
    [],
    [
      {
        apiVersion: "isthmus.dev/v1alpha1",
        kind: "TrafficPolicy",
        metadata: { name: "web", namespace: "shop" },
        spec: { mode: "Failover" } as TrafficPolicy["spec"],
        status: { summary: "c2 100" },
      },
    ],
  );
  expect(formatStatus(summary, plain)).toBe(`Site       c1 in namespace shop, version 0.1.0
State      ready
Routers    1 of 1 routers are connected
Network    net-1, 2 sites
Links      1 of 1 up
Services   1

NAME   DIRECTION   SITE   COST   STATE   ROUND-TRIP
-      incoming    c2     1      up      0.3 ms

SERVICE   PORTS   CLUSTERS   READY   MODE       SHARES
web       8080    c2,c3      1/3     Failover   c2 100
`);
});

test("a site that is not ready says why", () => {
  const message = "0 of 1 routers are connected";
  const waiting = siteSummary(
    site({ conditions: [{ type: "Ready", status: "False", reason: "Pending", message, ...at }] }),
    [],
  );
  expect(formatStatus(waiting, plain)).toContain(
    "State      not ready: 0 of 1 routers are connected\nNetwork    none yet\n",
  );
  expect(siteSummary(site(undefined), []).message).toBe("The controller has not looked at it yet");
});

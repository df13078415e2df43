import { expect, test } from "bun:test";
import type { ServiceExplanation } from "./explanation.ts";
import { Rig, SERVICE, service } from "../testing/routers.ts";

const site = { id: "a", name: "cluster-a" };

test("the admin endpoint explains a service, and one decision; the state has the shares of services with a policy", async () => {
  using rig = new Rig();
  const router = rig.router({
    site,
    admin: { listen: "127.0.0.1:0" },
    listeners: [{ service: SERVICE, port: 8080, listen: "127.0.0.1:0", protocol: "http" }],
    services: [service([{ port: 1 }, { port: 2 }, { port: 3, ready: false }])],
    policies: [{ service: SERVICE, algorithm: "Hash", hash: { source: "Header", name: "user" } }],
  });
  const at = `http://127.0.0.1:${router.adminPort}/v1/explain`;
  const ask = async (query: string): Promise<ServiceExplanation> =>
    (await (
      await fetch(`${at}?service=${encodeURIComponent(SERVICE)}&port=8080${query}`)
    ).json()) as ServiceExplanation;
  const explanation = await ask("");
  expect(explanation).toMatchObject({
    service: SERVICE,
    port: 8080,
    protocol: "http",
    policy: { mode: "Failover", algorithm: "Hash" },
    clusters: [{ cluster: "cluster-a", local: true, sharePercent: 100, readyEndpoints: 2, endpoints: 3 }],
  });
  expect(explanation.endpoints.map(({ name, state, why }) => [name, state, why])).toEqual([
    ["pod-0", "in", undefined],
    ["pod-1", "in", undefined],
    ["pod-2", "out", "not ready"],
  ]);
  expect(explanation.sample).toBeUndefined();
  const bob = (await ask("&sample=1&header=user=bob")).sample;
  expect(bob?.endpoint).toStartWith("a/pod-");
  expect((await ask("&sample=1&header=User%3Dbob")).sample).toEqual(bob);
  expect(bob?.steps.length).toBeGreaterThan(1);
  expect((await fetch(`${at}?service=default/none&port=1`)).status).toBe(404);
  expect(router.state().policies).toMatchObject([
    {
      service: SERVICE,
      port: 8080,
      clusters: [{ cluster: "cluster-a", sharePercent: 100 }],
      unknownTargets: [],
    },
  ]);
});

import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { AdvertisedService } from "../network/advertisement.ts";
import type { PolicyConfig } from "../config.ts";
import { ServiceTable } from "../service-table.ts";

const SERVICE = "shop/web";

interface Remote {
  readonly name: string;
  readonly cost?: number | undefined;
  /** Names of endpoints; "!name" is one that is not ready. */
  readonly endpoints: readonly string[];
}

function tableOf(
  {
    local = [],
    remotes = {},
  }: { readonly local?: readonly string[]; readonly remotes?: Readonly<Record<string, Remote>> },
  policy?: Omit<PolicyConfig, "service">,
): ServiceTable {
  const ports = [{ port: 80, protocol: "TCP" }];
  const services = new Map<string, AdvertisedService>(
    Object.entries(remotes).map(([siteId, { endpoints }]) => [
      siteId,
      {
        service: SERVICE,
        ports,
        endpoints: endpoints.map((name) => ({
          id: name.replace("!", ""),
          name: name.replace("!", ""),
          ready: !name.startsWith("!"),
          weight: 1,
        })),
      },
    ]),
  );
  const sites = new Map(
    Object.entries(remotes).map(([siteId, { name, cost }]) => [siteId, { facts: { name }, cost }]),
  );
  const table = new ServiceTable(
    "s1",
    {
      sites,
      *offering() {
        for (const [siteId, service] of services)
          if (service.endpoints.length > 0) yield { siteId, cost: sites.get(siteId)?.cost, service };
      },
    },
    { clock: new FakeClock(), random: seededRandom(1) },
  );
  table.configure({
    site: { id: "s1", name: "c1" },
    services: [
      {
        service: SERVICE,
        ports: [{ port: 80 }],
        endpoints: local.map((name) => ({
          id: name.replace("!", ""),
          name: name.replace("!", ""),
          host: "127.0.0.1",
          ports: { 80: 8080 },
          ready: !name.startsWith("!"),
        })),
      },
    ],
    ...(policy === undefined ? {} : { policies: [{ service: SERVICE, ...policy }] }),
  });
  table.balancer(SERVICE, { port: 80, http: true });
  return table;
}

const TWO = {
  s2: { name: "c2", cost: 1, endpoints: ["b0"] },
  s3: { name: "c3", cost: 4, endpoints: ["c0", "!c1"] },
};

test("without a policy: Failover with all defaults, this cluster first", () => {
  const table = tableOf({ local: ["a0"], remotes: TWO });
  const said = table.explain(SERVICE, { port: 80 });
  expect(said).toMatchObject({
    service: SERVICE,
    port: 80,
    protocol: "http",
    policy: {
      mode: "Failover",
      failover: { minHealthyPercent: 1, rampMs: 10_000, failback: "Auto" },
      spread: "Endpoints",
      algorithm: "LeastRequest",
      retries: { attempts: 2, budgetPercent: 20 },
      timeouts: { connectMs: 1000, requestMs: 0, idleMs: 300_000, httpIdleMs: 60_000 },
      outlier: { enabled: true, consecutiveFailures: 5, serverErrors: false, maxEjectedPercent: 50 },
    },
    tiers: [
      { tier: 0, clusters: ["c1"], healthyPercent: 100, sharePercent: 100 },
      { tier: 1, clusters: ["c2", "c3"], healthyPercent: 66.67, sharePercent: 0 },
    ],
    unknownTargets: [],
  });
  expect(
    said?.endpoints.map(({ name, state, why, sharePercent }) => [name, state, why, sharePercent]),
  ).toEqual([
    ["a0", "in", undefined, 100],
    ["b0", "out", "tier not in use", 0],
    ["c0", "out", "tier not in use", 0],
    ["c1", "out", "not ready", 0],
  ]);
  expect(table.explain(SERVICE, { port: 81 })).toBeUndefined();
});

test("targets that are no site are told apart from sites without the service", () => {
  const table = tableOf(
    {
      remotes: { ...TWO, s4: { name: "c4", cost: 2, endpoints: [] }, s5: { name: "c5", endpoints: ["e0"] } },
    },
    { mode: "ActiveActive", targets: ["s2", "c4", "c5", "moon"].map((cluster) => ({ cluster })) },
  );
  const said = table.explain(SERVICE, { port: 80 });
  expect(said?.unknownTargets).toEqual(["moon"]);
  expect(said?.clusters.map(({ cluster, why, sharePercent }) => [cluster, why, sharePercent])).toEqual([
    ["c1", "has no endpoints of this service", 0],
    ["c2", undefined, 100],
    ["c3", "not a target", 0],
    ["c4", "has no endpoints of this service", 0],
    ["c5", "unreachable", 0],
  ]);
});

test("shares are those that picks give, for every spread", () => {
  for (const spread of ["Endpoints", "Clusters", "Weighted", "Cost"] as const) {
    const targets = [{ cluster: "c2", ...(spread === "Weighted" ? { weight: 3 } : {}) }, { cluster: "c3" }];
    const table = tableOf({ local: ["a0", "a1"], remotes: TWO }, { mode: "ActiveActive", targets, spread });
    const said = table.explain(SERVICE, { port: 80 });
    const counts = new Map<string, number>();
    for (let n = 0; n < 1200; n++) {
      const name = table.balancer(SERVICE, { port: 80, http: true }).pick()?.facts.name ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const { name, sharePercent } of said?.endpoints ?? [])
      expect(Math.abs((counts.get(name) ?? 0) - sharePercent * 12)).toBeLessThanOrEqual(1);
  }
});

test("a sample decision in words, which counts nothing", () => {
  const table = tableOf({ local: ["!a0"], remotes: TWO }, { mode: "Failover", targets: [{ cluster: "c3" }] });
  expect(table.explain(SERVICE, { port: 80, sample: {} })?.sample).toEqual({
    endpoint: "s3/c0",
    steps: [
      "mode Failover: tier 0 (c1) 0 %: 0 of 1 usable: skipped",
      "mode Failover: tier 1 (c3) 100 %: 1 of 2 usable: takes everything",
      "left out, not ready: a0, c1",
      "left out, not a target: b0",
      "spread Endpoints: every endpoint of the tier has the same share",
      "algorithm LeastRequest: in turn among those that keep up with what is in flight",
      "c0 in c3 is chosen, with 0 in flight, over a path of cost 4",
    ],
  });
  expect(table.balancer(SERVICE, { port: 80, http: true }).candidates[0]?.endpoint.picked).toBe(0);
});

test("with nothing left the sample says what the client gets", () => {
  const table = tableOf({ local: ["!a0"], remotes: TWO }, { mode: "Local" });
  const said = table.explain(SERVICE, { port: 80, sample: {}, protocol: "tcp" });
  expect(said?.sample?.endpoint).toBeUndefined();
  expect(said?.sample?.steps.at(-1)).toBe("nothing can be used: the client is reset");
});

test("an endpoint that was put aside says for how long", () => {
  const table = tableOf({ local: ["a0", "a1"] });
  const balancer = table.balancer(SERVICE, { port: 80, http: true });
  const [first] = balancer.candidates;
  if (first === undefined) throw new Error("No candidate");
  for (let n = 0; n < 5; n++) balancer.report(first.endpoint, "reset", 1);
  const said = table.explain(SERVICE, { port: 80 })?.endpoints[0];
  expect(said).toMatchObject({ name: "a0", state: "out", why: "ejected", sharePercent: 0 });
  expect(said?.ejectedForMs).toBeWithin(1000, 1201);
});

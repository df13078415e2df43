import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { AdvertisedEndpoint, AdvertisedService } from "./network/advertisement.ts";
import type { PolicyConfig, RouterConfig } from "./config.ts";
import { ServiceTable } from "./service-table.ts";

const SERVICE = "shop/web";

class Bench {
  readonly clock = new FakeClock();
  readonly remote = new Map<string, { cost: number | undefined; service: AdvertisedService }>();
  readonly table: ServiceTable;
  shares = 0;

  constructor() {
    const { remote } = this;
    const sites = new Map([["b", { facts: { name: "west" }, cost: 1 }]]);
    this.table = new ServiceTable(
      "a",
      {
        sites,
        *offering() {
          for (const [siteId, { cost, service }] of remote) yield { siteId, cost, service };
        },
      },
      { clock: this.clock, random: seededRandom(1), onShares: () => this.shares++ },
    );
  }

  offer(endpoints: readonly Partial<AdvertisedEndpoint>[], cost: number | undefined = 1): void {
    this.remote.set("b", {
      cost,
      service: {
        service: SERVICE,
        ports: [{ port: 80, protocol: "TCP" }],
        endpoints: endpoints.map((one, n) => ({
          id: `b${n}`,
          name: `b${n}`,
          ready: true,
          weight: 1,
          ...one,
        })),
      },
    });
    this.table.refresh(new Set([SERVICE]));
  }

  configure(ready: readonly boolean[], policy?: Omit<PolicyConfig, "service">): void {
    const config: RouterConfig = {
      site: { id: "a", name: "home" },
      services: [
        {
          service: SERVICE,
          ports: [{ port: 80 }],
          endpoints: ready.map((one, n) => ({
            id: `a${n}`,
            name: `a${n}`,
            host: "127.0.0.1",
            ports: { 80: 8080 },
            ready: one,
            zone: "z1",
          })),
        },
      ],
      ...(policy === undefined ? {} : { policies: [{ service: SERVICE, ...policy }] }),
    };
    this.table.configure(config);
  }

  picks(count: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let n = 0; n < count; n++) {
      const id = this.table.balancer(SERVICE, { port: 80 }).pick()?.wireId ?? "none";
      counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
  }
}

test("a balancer and its endpoints are the same objects through any change; a policy applies to the next pick", () => {
  const bench = new Bench();
  bench.configure([true, true]);
  const balancer = bench.table.balancer(SERVICE, { port: 80, http: true });
  bench.offer([{}, {}]);
  expect(balancer.policy.algorithm).toBe("LeastRequest");
  const endpoints = balancer.candidates.map(({ endpoint }) => endpoint);
  expect(bench.picks(10)).toEqual({ "a/a0": 5, "a/a1": 5 });
  bench.configure([true, true], { mode: "ActiveActive", spread: "Clusters" });
  expect(bench.table.balancer(SERVICE, { port: 80 })).toBe(balancer);
  expect(bench.picks(20)).toEqual({ "a/a0": 5, "a/a1": 5, "b/b0": 5, "b/b1": 5 });
  expect(balancer.candidates[0]?.endpoint === endpoints[0] && endpoints[0]?.picked === 10).toBe(true);
  bench.configure([true, true], { mode: "Local" });
  expect(bench.picks(4)).toEqual({ "a/a0": 2, "a/a1": 2 });
  bench.configure([true, true], { targets: [{ cluster: "west" }] });
  bench.configure([false, false], { targets: [{ cluster: "west" }] });
  expect(bench.picks(4)).toEqual({ "b/b0": 2, "b/b1": 2 });
});

test("http or not decides the algorithm that a policy leaves open; asking without saying changes nothing", () => {
  const bench = new Bench();
  bench.configure([true]);
  const balancer = bench.table.balancer(SERVICE, { port: 80, http: true });
  expect(bench.table.balancer(SERVICE, { port: 80 }).policy.algorithm).toBe("LeastRequest");
  expect(bench.table.balancer(SERVICE, { port: 80, http: false })).toBe(balancer);
  expect(balancer.policy.algorithm).toBe("RoundRobin");
  expect(bench.table.balancer(SERVICE, { port: 81 }).policy.algorithm).toBe("RoundRobin");
});

test("how connections are made: defaults, what the policy says, and one retry budget through all of it", () => {
  const bench = new Bench();
  bench.configure([true]);
  const before = bench.table.connectPolicy(SERVICE);
  expect(before).toMatchObject({
    attempts: 2,
    connectMs: 1000,
    idleMs: 300_000,
    requestMs: 0,
    httpIdleMs: 60_000,
  });
  expect(bench.table.connectPolicy(SERVICE)).toBe(before);
  bench.configure([true], {
    retries: { attempts: 5, budgetPercent: 0 },
    timeouts: { requestMs: 700, connectMs: 9 },
  });
  const after = bench.table.connectPolicy(SERVICE);
  expect(after).toMatchObject({ attempts: 5, connectMs: 9, idleMs: 300_000, requestMs: 700 });
  expect(after.retryBudget).toBe(before.retryBudget);
  expect(after.retryBudget.allow()).toBe(false);
});

test("what is advertised of an endpoint is known here: zone, and why it is not ready", () => {
  const bench = new Bench();
  bench.configure([true]);
  const balancer = bench.table.balancer(SERVICE, { port: 80 });
  bench.offer([{ zone: "z2" }, { ready: false, reason: "terminating" }]);
  expect(
    [...balancer.members].map(({ endpoint, why }) => [endpoint.wireId, endpoint.facts.zone, why]),
  ).toEqual([
    ["a/a0", "z1", undefined],
    ["b/b0", "z2", "tier not in use"],
    ["b/b1", undefined, "draining"],
  ]);
});

test("shares that change by themselves are told of once per second while they do", () => {
  const bench = new Bench();
  bench.configure([true], { failover: { rampMs: 5000 } });
  bench.offer([{}]);
  bench.table.balancer(SERVICE, { port: 80 });
  bench.clock.advance(10_000);
  expect(bench.shares).toBe(0);
  bench.configure([false], { failover: { rampMs: 5000 } });
  bench.configure([true], { failover: { rampMs: 5000 } });
  bench.clock.advance(3500);
  expect(bench.shares).toBe(3);
  bench.clock.advance(20_000);
  expect(bench.shares).toBeWithin(5, 7);
  expect(bench.picks(4)).toEqual({ "a/a0": 4 });
  const balancer = bench.table.balancer(SERVICE, { port: 80 });
  const [first] = balancer.candidates;
  if (first === undefined) throw new Error("No candidate");
  const { shares } = bench;
  for (let n = 0; n < 5; n++) balancer.report(first.endpoint, "reset", 1);
  bench.clock.advance(1000);
  expect(bench.shares).toBe(shares + 1);
  bench.table.stop();
});

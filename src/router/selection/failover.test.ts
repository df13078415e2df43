import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Endpoint } from "../endpoint.ts";
import { Bench, endpoint, offer, offers, type Policy } from "../testing/selection.ts";

const ALL = { "me/0": 0, "me/1": 0, "b/0": 1, "c/0": 2, "d/0": 3 };
const ramp0 = { rampMs: 0 };

function manual(resume: number): Policy {
  return { failover: { failback: "Manual", rampMs: 1000 }, resume };
}

/** What each site gets of so many picks. */
function sites(bench: Bench, count = 60): Record<string, number> {
  return bench.siteShares({ count });
}

test("Local: only this cluster's endpoints; with none ready there is nothing", () => {
  const bench = new Bench(offers(ALL), { mode: "Local" });
  expect(sites(bench)).toEqual({ me: 60 });
  expect(bench.why()).toEqual({ "b/0": "not a target", "c/0": "not a target", "d/0": "not a target" });
  bench.ready(["me/0", "me/1"], false);
  expect(bench.balancer.pick()).toBeUndefined();
});

test("Failover without targets: this cluster, else all others equally", () => {
  const bench = new Bench(offers(ALL), { failover: ramp0 });
  expect(sites(bench)).toEqual({ me: 60 });
  expect(bench.why()["b/0"]).toBe("tier not in use");
  bench.ready(["me/0", "me/1"], false);
  expect(sites(bench)).toEqual({ b: 20, c: 20, d: 20 });
  bench.ready(["me/1"], true);
  expect(bench.shares({ count: 10 })).toEqual({ "me/1": 10 });
});

test("Failover with targets: in order; others are left out", () => {
  const bench = new Bench(offers(ALL), {
    targets: [{ cluster: "c" }, { cluster: "home" }, { cluster: "b" }],
    failover: ramp0,
  });
  bench.ready(["me/0", "me/1"], false);
  expect(sites(bench)).toEqual({ c: 60 });
  bench.ready(["c/0"], false);
  expect(sites(bench)).toEqual({ b: 60 });
  bench.ready(["b/0"], false);
  expect(bench.balancer.pick()).toBeUndefined();
  expect(bench.balancer.tiers.length).toBe(3);
});

test("Failover: equal priorities are one tier, lower ones first, those without come last", () => {
  const targets = [
    { cluster: "b" },
    { cluster: "c", priority: 7 },
    { cluster: "d", priority: 7 },
    { cluster: "e", priority: 2 },
  ];
  const bench = new Bench(offers({ "b/0": 1, "c/0": 1, "d/0": 1, "e/0": 1 }), { targets, failover: ramp0 });
  expect(sites(bench)).toEqual({ e: 60 });
  bench.ready(["e/0"], false);
  expect(sites(bench)).toEqual({ c: 30, d: 30 });
  bench.ready(["c/0", "d/0"], false);
  expect(sites(bench)).toEqual({ b: 60 });
});

test("ActiveActive: this cluster and the targets, or all", () => {
  const bench = new Bench(offers(ALL), { mode: "ActiveActive" });
  expect(bench.shares({ count: 50 })).toEqual({ "me/0": 10, "me/1": 10, "b/0": 10, "c/0": 10, "d/0": 10 });
  bench.set({ policy: { mode: "ActiveActive", targets: [{ cluster: "c" }] } });
  expect(bench.shares({ count: 30 })).toEqual({ "me/0": 10, "me/1": 10, "c/0": 10 });
});

test("a target may be a site's name or its id; the id wins", () => {
  const list = [
    { ...offer(endpoint("id1/0")), cluster: "west" },
    { ...offer(endpoint("id2/0")), cluster: "id1" },
  ];
  const bench = new Bench(list, { mode: "ActiveActive", targets: [{ cluster: "west" }] });
  expect(sites(bench)).toEqual({ id1: 60 });
});

test("below minHealthyPercent the missing share goes to the next tier, exactly", () => {
  const local = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`me/${n}`, 0]));
  const bench = new Bench(offers({ ...local, "b/0": 1, "b/1": 1, "c/0": 2 }), {
    targets: [{ cluster: "b" }, { cluster: "c" }],
    failover: { minHealthyPercent: 80, rampMs: 0 },
  });
  bench.ready(["me/0", "me/1"], false);
  expect(sites(bench, 100)).toEqual({ me: 100 });
  bench.ready(["me/2", "me/3", "me/4", "me/5"], false); // 4 of 10 = half of what is wanted
  expect(sites(bench, 100)).toEqual({ me: 50, b: 50 });
  bench.ready(["b/0"], false); // 50 % of 80 %: it can take 62.5 %, and needs 50
  expect(sites(bench, 100)).toEqual({ me: 50, b: 50 });
  bench.ready(["me/6", "me/7", "me/8"], false); // 12.5, then 62.5, and 25 are left
  expect(sites(bench, 80)).toEqual({ me: 10, b: 50, c: 20 });
  bench.ready(["c/0"], false); // Together they carry 75 %: scaled up
  expect(sites(bench, 60)).toEqual({ me: 10, b: 50 });
});

test("one healthy endpoint of many is enough by default", () => {
  const local = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`me/${n}`, 0]));
  const bench = new Bench(offers({ ...local, "b/0": 1 }), { failover: ramp0 });
  bench.ready(
    Object.keys(local).filter((id) => id !== "me/7"),
    false,
  );
  expect(bench.shares({ count: 10 })).toEqual({ "me/7": 10 });
});

test("the way back to a better tier is a ramp; the way to a worse one is not", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }));
  bench.ready(["me/0"], false);
  expect(sites(bench, 10)).toEqual({ b: 10 });
  bench.ready(["me/0"], true);
  expect(bench.balancer.tendency).toBe("moving");
  const got: number[] = [];
  for (let second = 0; second < 11; second++) {
    let me = 0;
    for (let step = 0; step < 10; step++) {
      me += sites(bench, 100)["me"] ?? 0;
      bench.clock.advance(100);
    }
    got.push(me / 10);
  }
  // Percent in each second: the mean of its ten steps.
  const want = [4.5, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 74.5, 84.5, 94.5, 100];
  for (const [second, percent] of want.entries())
    expect(got[second]).toBeWithin(percent - 0.6, percent + 0.6);
  expect(bench.balancer.tendency).toBe("steady");
  bench.ready(["me/0"], false);
  expect(sites(bench, 10)).toEqual({ b: 10 });
});

test("during the ramp the worse tier dies: back at once", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }));
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  bench.clock.advance(1000);
  expect(sites(bench, 100)["me"]).toBeWithin(8, 13);
  bench.ready(["b/0"], false);
  expect(sites(bench, 10)).toEqual({ me: 10 });
});

test("a relapse during the ramp begins it anew", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }));
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  bench.clock.advance(5000);
  expect(sites(bench, 100)).toEqual({ me: 50, b: 50 });
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  expect(sites(bench, 100)).toEqual({ b: 100 });
});

test("what was never in use comes at once: the first endpoints, and after nothing was left", () => {
  const bench = new Bench([]);
  bench.set({ list: offers({ "me/0": 0, "b/0": 1 }) });
  expect(sites(bench, 10)).toEqual({ me: 10 });
  bench.ready(["me/0", "b/0"], false);
  expect(bench.balancer.pick()).toBeUndefined();
  bench.ready(["me/0", "b/0"], true);
  expect(sites(bench, 10)).toEqual({ me: 10 });
});

test("Manual: stays on the worse tier until it has nothing, or resume goes up", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }), manual(3));
  expect(sites(bench, 10)).toEqual({ me: 10 });
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  bench.clock.advance(60_000);
  expect(sites(bench, 10)).toEqual({ b: 10 });
  expect(bench.balancer.tendency).toBe("waiting");
  bench.set({ policy: manual(4) });
  bench.clock.advance(500);
  expect(sites(bench, 100)).toEqual({ me: 50, b: 50 });
  bench.clock.advance(500);
  expect(sites(bench, 10)).toEqual({ me: 10 });
  // The next time it holds again.
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  bench.clock.advance(60_000);
  expect(sites(bench, 10)).toEqual({ b: 10 });
  bench.ready(["b/0"], false);
  expect(sites(bench, 10)).toEqual({ me: 10 });
});

test("from Manual to Auto: the ramp begins", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }), {
    failover: { failback: "Manual", rampMs: 1000 },
  });
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  bench.clock.advance(5000);
  bench.set({ policy: { failover: { rampMs: 1000 } } });
  expect(sites(bench, 10)).toEqual({ b: 10 });
  bench.clock.advance(500);
  expect(sites(bench, 10)).toEqual({ me: 5, b: 5 });
});

test("another mode applies at once", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1, "c/0": 1 }));
  expect(sites(bench, 6)).toEqual({ me: 6 });
  bench.set({ policy: { mode: "ActiveActive" } });
  expect(sites(bench, 6)).toEqual({ me: 2, b: 2, c: 2 });
  bench.set({ policy: { mode: "Failover" } });
  expect(sites(bench, 6)).toEqual({ me: 6 });
  bench.set({ policy: { mode: "Local" } });
  expect(sites(bench, 6)).toEqual({ me: 6 });
});

test("a failed attempt goes on to the next tier when its own has no other endpoint", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1, "c/0": 2 }), { targets: [{ cluster: "c" }] });
  const tried: Endpoint[] = [];
  expect(bench.balancer.pick(tried)?.wireId).toBe("me/0");
  tried.push(bench.endpoint("me/0"));
  expect(bench.balancer.pick(tried)?.wireId).toBe("c/0");
  tried.push(bench.endpoint("c/0"));
  expect(bench.balancer.pick(tried)).toBeUndefined();
});

test("a cluster that cannot be reached is as one without endpoints", () => {
  const bench = new Bench([...offers({ "b/0": 1 }), { ...offer(endpoint("c/0")), cost: undefined }], {
    targets: [{ cluster: "c" }, { cluster: "b" }],
  });
  expect(sites(bench, 5)).toEqual({ b: 5 });
});

test("inside each tier the spread holds, with partial shares too", () => {
  const bench = new Bench(offers({ "me/0": 0, "me/1": 0, "b/0": 1, "b/1": 1, "c/0": 1 }), {
    spread: "Clusters",
    failover: { minHealthyPercent: 100, rampMs: 0 },
  });
  bench.ready(["me/1"], false);
  expect(bench.shares({ count: 80 })).toEqual({ "me/0": 40, "b/0": 10, "b/1": 10, "c/0": 20 });
});

test("through any churn of readiness, shares of tiers and of endpoints in them stay within their turns", () => {
  const ids = ["me/0", "me/1", "me/2", "b/0", "b/1", "c/0"];
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.subarray(ids), fc.nat(40)), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(1, 50, 100),
      fc.constantFrom("RoundRobin" as const, "LeastRequest" as const),
      (churn, minHealthyPercent, algorithm) => {
        const bench = new Bench(offers(Object.fromEntries(ids.map((id) => [id, 1]))), {
          targets: [{ cluster: "b" }, { cluster: "c" }],
          failover: { minHealthyPercent, rampMs: 0 },
          algorithm,
        });
        for (const [ready, picks] of churn) {
          bench.ready(ids, false);
          bench.ready(ready, true);
          const tiers = bench.balancer.tiers;
          const total = tiers.reduce((sum, { weight }) => sum + weight, 0);
          expect(total).toBeCloseTo(ready.length === 0 ? 0 : 1, 9);
          const got = bench.siteShares({ count: picks });
          for (const [index, site] of ["me", "b", "c"].entries())
            expect(Math.abs((got[site] ?? 0) - picks * (tiers[index]?.weight ?? 0))).toBeLessThanOrEqual(2);
          for (const id of Object.keys(got)) expect(ready.some((one) => one.startsWith(`${id}/`))).toBe(true);
        }
      },
    ),
    { numRuns: 150 },
  );
});

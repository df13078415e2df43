import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Endpoint } from "../endpoint.ts";
import { Bench, chiSquare, endpoint, offer, offers } from "../testing/selection.ts";

test("Endpoints: every pod of every site has the same share, sequential or concurrent", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    for (const open of [0, 1, 4]) {
      const bench = new Bench(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { algorithm });
      expect(bench.shares({ count: 999, open })).toEqual({ "b/0": 333, "c/0": 333, "c/1": 333 });
    }
  }
});

test("Clusters: every site has the same share, whatever its pods", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    const bench = new Bench(offers({ "b/0": 1, "c/0": 1, "c/1": 1 }), { spread: "Clusters", algorithm });
    expect(bench.shares({ count: 1000 })).toEqual({ "b/0": 500, "c/0": 250, "c/1": 250 });
  }
});

test("without an algorithm connections go round robin and requests where least is in flight", () => {
  for (const http of [false, true]) {
    const list = offers({ "a/0": 0, "a/1": 0 });
    const bench = new Bench(list, {}, { http });
    bench.endpoint("a/0").inFlight = 5;
    expect(bench.shares({ count: 10 })).toEqual(http ? { "a/1": 10 } : { "a/0": 5, "a/1": 5 });
  }
});

test("weights are shares, with both algorithms; weight 0 gets nothing", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    const list = [
      offer(endpoint("a/0", { weight: 3 })),
      offer(endpoint("b/0"), 1),
      offer(endpoint("c/0", { weight: 0 }), 1),
    ];
    const bench = new Bench(list, { algorithm });
    expect(bench.shares({ count: 400 })).toEqual({ "a/0": 300, "b/0": 100 });
    expect(bench.why()).toEqual({ "c/0": "weight 0" });
  }
});

test("Weighted: clusters have their weights, unlisted ones and those without a weight 1, whatever their pods", () => {
  const list = offers({ "me/0": 0, "b/0": 1, "b/1": 1, "c/0": 1 });
  const targets = [{ cluster: "b", weight: 3 }, { cluster: "c" }];
  const bench = new Bench(list, { mode: "ActiveActive", spread: "Weighted", targets });
  expect(bench.shares({ count: 1000 })).toEqual({ "me/0": 200, "b/0": 300, "b/1": 300, "c/0": 200 });
  bench.set({
    policy: {
      mode: "ActiveActive",
      spread: "Weighted",
      targets: [...targets, { cluster: "home", weight: 6 }],
    },
  });
  expect(bench.siteShares({ count: 1000 })).toEqual({ me: 600, b: 300, c: 100 });
});

test("Weighted: 50/50 becomes 100 % of one when the other side dies", () => {
  const targets = [
    { cluster: "b", weight: 50 },
    { cluster: "c", weight: 50 },
  ];
  const bench = new Bench(offers({ "b/0": 1, "b/1": 1, "c/0": 1 }), {
    mode: "ActiveActive",
    spread: "Weighted",
    targets,
  });
  expect(bench.siteShares({ count: 100 })).toEqual({ b: 50, c: 50 });
  bench.ready(["c/0"], false);
  expect(bench.siteShares({ count: 100 })).toEqual({ b: 100 });
});

test("a target of weight 0 is drained, with every spread", () => {
  for (const spread of ["Endpoints", "Clusters", "Weighted", "Cost", "Latency"] as const) {
    const targets = [{ cluster: "b" }, { cluster: "c", weight: 0 }];
    const bench = new Bench(offers({ "b/0": 1, "c/0": 1 }), { mode: "ActiveActive", spread, targets });
    expect(bench.shares({ count: 10 })).toEqual({ "b/0": 10 });
    expect(bench.why()).toEqual({ "c/0": "weight 0" });
  }
});

test("Cost: one at a time stays on the cheapest path and rotates there", () => {
  const bench = new Bench(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { spread: "Cost" });
  expect(bench.shares({ count: 100 })).toEqual({ "c/0": 50, "c/1": 50 });
});

test("Cost: with 5 at once the next path takes part by in-flight + path cost", () => {
  const bench = new Bench(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { spread: "Cost" });
  // 4 fill c to 2 each = the cost difference; the fifth is a tie, and b waited longest.
  expect(bench.shares({ count: 5, open: 5 })).toEqual({ "b/0": 1, "c/0": 2, "c/1": 2 });
});

test("Cost: spillAt says how many each cheaper endpoint has before the next path takes part", () => {
  const bench = new Bench(offers({ "b/0": 900, "c/0": 2 }), { spread: "Cost", spillAt: 10 });
  const chosen = Array.from({ length: 21 }, () => {
    const one = bench.balancer.pick() as Endpoint;
    one.inFlight++;
    return one.wireId;
  });
  expect(chosen.slice(0, 10).every((id) => id === "c/0")).toBe(true);
  expect(chosen.filter((id) => id === "b/0").length).toBe(6);
});

test("Cost: a path that was long too dear has no debts to collect", () => {
  const list = offers({ "b/0": 3, "c/0": 2 });
  const bench = new Bench(list, { spread: "Cost" });
  bench.shares({ count: 1000 });
  bench.set({ list: list.map((one) => ({ ...one, cost: 2 })) });
  expect(bench.shares({ count: 10 })).toEqual({ "b/0": 5, "c/0": 5 });
});

test("LeastRequest goes where least is in flight", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0, "b/0": 1 }), { algorithm: "LeastRequest" });
  bench.endpoint("a/0").inFlight = 5;
  expect(bench.shares({ count: 10 })).toEqual({ "a/1": 5, "b/0": 5 });
});

test("Random: shares by weight, as chance has it", () => {
  const list = [offer(endpoint("a/0", { weight: 3 })), offer(endpoint("a/1")), offer(endpoint("a/2"))];
  const bench = new Bench(list, { algorithm: "Random" });
  const got = bench.shares({ count: 10_000 });
  // 13.8: one in a thousand, with 2 degrees of freedom.
  const counts = ["a/0", "a/1", "a/2"].map((id) => got[id] ?? 0);
  expect(chiSquare(counts, [6000, 2000, 2000])).toBeLessThan(13.8);
});

test.each([{ spread: "Latency" as const }, { algorithm: "PeakEwma" as const }])(
  "%j: the faster of two by chance; the slowest of three is the worse one each time",
  (policy) => {
    const bench = new Bench(offers({ "a/0": 0, "a/1": 0, "a/2": 0 }), policy);
    for (const [id, latencyMs] of [
      ["a/0", 5],
      ["a/1", 20],
      ["a/2", 100],
    ] as const)
      bench.report(id, "ok", { latencyMs });
    const got = bench.shares({ count: 9000 });
    expect(Object.keys(got).toSorted()).toEqual(["a/0", "a/1"]);
    expect(chiSquare([got["a/0"] ?? 0, got["a/1"] ?? 0], [6000, 3000])).toBeLessThan(10.8);
  },
);

test("PeakEwma: a peak counts at once and fades, and load counts", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0 }), { algorithm: "PeakEwma" });
  for (const id of ["a/0", "a/1"]) bench.report(id, "ok", { latencyMs: 10 });
  bench.report("a/0", "ok", { latencyMs: 50 });
  expect(bench.shares({ count: 10 })).toEqual({ "a/1": 10 });
  bench.endpoint("a/1").inFlight = 5;
  expect(bench.shares({ count: 10 })).toEqual({ "a/0": 10 });
  bench.endpoint("a/1").inFlight = 0;
  bench.clock.advance(40_000);
  bench.report("a/0", "ok", { latencyMs: 5 });
  bench.report("a/1", "ok", { latencyMs: 10 });
  expect(bench.shares({ count: 10 })).toEqual({ "a/0": 10 });
});

test("PeakEwma: who was never heard of gets one request, and no more until it answered", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0 }), { algorithm: "PeakEwma" });
  bench.report("a/0", "ok", { latencyMs: 10 });
  expect(bench.shares({ count: 10, open: 10 })).toEqual({ "a/0": 9, "a/1": 1 });
});

test("not ready, draining and unreachable have no share, and the reason is told", () => {
  const list = [
    offer(endpoint("a/0")),
    offer(endpoint("a/1", { ready: false })),
    offer(endpoint("a/2", { ready: false, reason: "terminating" })),
    { ...offer(endpoint("b/0")), cost: undefined },
  ];
  const bench = new Bench(list);
  expect(bench.shares({ count: 3 })).toEqual({ "a/0": 3 });
  expect(bench.why()).toEqual({ "a/1": "not ready", "a/2": "draining", "b/0": "unreachable" });
});

test("what was tried is not chosen again, and all tried means none", () => {
  const hash = { hash: { source: "ClientIP" } } as const;
  const algorithms = [
    { algorithm: "RoundRobin" },
    { algorithm: "LeastRequest" },
    { algorithm: "Random" },
    { algorithm: "PeakEwma" },
    hash,
  ] as const;
  for (const spread of ["Endpoints", "Clusters", "Weighted", "Cost", "Latency"] as const) {
    for (const algorithm of algorithms) {
      const bench = new Bench(offers({ "a/0": 0, "b/0": 1, "b/1": 1 }), { spread, ...algorithm });
      const tried: Endpoint[] = [];
      for (let n = 0; n < 3; n++) {
        const chosen = bench.balancer.pick(tried, { hash: 7 });
        expect(chosen !== undefined && !tried.includes(chosen)).toBe(true);
        tried.push(chosen as Endpoint);
      }
      expect(bench.balancer.pick(tried, { hash: 7 })).toBeUndefined();
    }
  }
});

test("peek says who is next and counts nothing", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0, "a/2": 0 }));
  for (let n = 0; n < 30; n++) {
    const next = bench.balancer.peek();
    expect(bench.balancer.peek()).toBe(next as Endpoint);
    expect(bench.balancer.pick()).toBe(next as Endpoint);
  }
  expect(bench.endpoint("a/0").picked).toBe(10);
});

test("the cookie's endpoint is chosen while it has a share; who has none is balanced", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0 }), {
    affinity: { type: "Cookie", timeoutSeconds: 60 },
  });
  expect(bench.balancer.needs).toEqual({
    kind: "cookie",
    name: "isthmus-endpoint",
    set: true,
    ttlSeconds: 60,
  });
  const sticky = { sticky: "a/1" };
  expect(bench.shares({ count: 10, context: () => sticky })).toEqual({ "a/1": 10 });
  expect(bench.shares({ count: 10 })).toEqual({ "a/0": 5, "a/1": 5 });
  bench.ready(["a/1"], false);
  expect(bench.shares({ count: 10, context: () => sticky })).toEqual({ "a/0": 10 });
});

test("another policy applies to the next pick and forgets nothing of the endpoints", () => {
  const bench = new Bench(offers({ "b/0": 1, "c/0": 1, "c/1": 1 }));
  bench.report("c/1", "connectFailed", { times: 5 });
  bench.endpoint("b/0").inFlight = 7;
  bench.set({ policy: { spread: "Clusters" } });
  expect(bench.shares({ count: 100 })).toEqual({ "b/0": 50, "c/0": 50 });
  bench.set({ policy: { spread: "Endpoints", algorithm: "LeastRequest" } });
  expect(bench.shares({ count: 100 })).toEqual({ "c/0": 100 });
  expect(bench.why()).toEqual({ "c/1": "ejected" });
  bench.set({ policy: { outlier: { enabled: false } } });
  expect(bench.why()).toEqual({});
});

test("who joins later starts equal, also where another policy chose before", () => {
  const list = offers({ "a/0": 0, "a/1": 0 });
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    const bench = new Bench(list, { algorithm: "LeastRequest" });
    bench.shares({ count: 1000 });
    bench.set({ policy: { algorithm: "RoundRobin" } });
    bench.shares({ count: 1000 });
    bench.set({ policy: { algorithm } });
    bench.set({ list: [...list, offer(endpoint("a/2"))] });
    expect(bench.shares({ count: 30 })).toEqual({ "a/0": 10, "a/1": 10, "a/2": 10 });
  }
});

test("through any churn of ready endpoints shares stay within one of fair, for every window of picks", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 6 }), fc.nat(20)), {
        minLength: 1,
        maxLength: 15,
      }),
      fc.constantFrom("RoundRobin" as const, "LeastRequest" as const),
      fc.boolean(),
      (churn, algorithm, known) => {
        const all = Array.from({ length: 6 }, (_, index) => endpoint(`a/${index}`));
        const bench = new Bench([], { algorithm });
        for (const [present, picks] of churn) {
          const members = present.map((index) => all[index] as Endpoint);
          if (known) {
            for (const one of all) one.facts = { ...one.facts, ready: members.includes(one) };
            bench.set({ list: all.map((one) => offer(one)) });
          } else bench.set({ list: members.map((one) => offer(one)) });
          const got = bench.shares({ count: picks });
          for (const one of members)
            expect(Math.abs((got[one.wireId] ?? 0) - picks / members.length)).toBeLessThan(2);
          // From a settled state on, exactly.
          const settled = bench.shares({ count: members.length * 7 });
          for (const one of members) expect(Math.abs((settled[one.wireId] ?? 0) - 7)).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 200 },
  );
});

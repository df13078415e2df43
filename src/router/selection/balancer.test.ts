import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { PolicyConfig } from "../config.ts";
import { Endpoint } from "../endpoint.ts";
import { Balancer, type Offer } from "./balancer.ts";
import { selectionOf } from "./policy.ts";

function endpoint(wireId: string, over: Partial<Endpoint["facts"]> = {}): Endpoint {
  const [site = "", id = ""] = wireId.split("/");
  return new Endpoint(site, id, {
    name: id,
    ready: true,
    weight: 1,
    ports: new Map([[80, 80]]),
    host: undefined,
    ...over,
  });
}

function offers(
  costs: Readonly<Record<string, number | undefined>>,
  over: Partial<Endpoint["facts"]> = {},
): Offer[] {
  return Object.entries(costs).map(([wireId, cost]) => ({ endpoint: endpoint(wireId, over), cost }));
}

function balancer(
  list: readonly Offer[],
  policy: Omit<PolicyConfig, "service"> = {},
  clock = new FakeClock(),
): Balancer {
  const made = new Balancer({ clock, random: seededRandom(1) });
  made.update(list, selectionOf(policy, { http: false }));
  return made;
}

/** Picks `count` times, holding each for the next `open - 1` picks as a client with so many connections does. */
function shares(
  from: Balancer,
  { count, open = 0 }: { readonly count: number; readonly open?: number },
): Record<string, number> {
  const result: Record<string, number> = {};
  const held: Endpoint[] = [];
  for (let n = 0; n < count; n++) {
    const chosen = from.pick();
    if (chosen === undefined) continue;
    result[chosen.wireId] = (result[chosen.wireId] ?? 0) + 1;
    chosen.inFlight++;
    held.push(chosen);
    while (held.length > open) (held.shift() as Endpoint).inFlight--;
  }
  return result;
}

test("Endpoints: every pod of every site has the same share, sequential or concurrent", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    for (const open of [0, 1, 4]) {
      const from = balancer(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { algorithm });
      expect(shares(from, { count: 999, open })).toEqual({ "b/0": 333, "c/0": 333, "c/1": 333 });
    }
  }
});

test("Clusters: every site has the same share, whatever its pods", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    const from = balancer(offers({ "b/0": 1, "c/0": 1, "c/1": 1 }), { spread: "Clusters", algorithm });
    expect(shares(from, { count: 1000 })).toEqual({ "b/0": 500, "c/0": 250, "c/1": 250 });
  }
});

test("weights are shares, with both algorithms; weight 0 gets nothing", () => {
  for (const algorithm of ["RoundRobin", "LeastRequest"] as const) {
    const list = [
      { endpoint: endpoint("a/0", { weight: 3 }), cost: 0 },
      { endpoint: endpoint("b/0", { weight: 1 }), cost: 1 },
      { endpoint: endpoint("c/0", { weight: 0 }), cost: 1 },
    ];
    const from = balancer(list, { algorithm });
    expect(shares(from, { count: 400 })).toEqual({ "a/0": 300, "b/0": 100 });
    expect(from.excluded.map(({ why }) => why)).toEqual(["weight 0"]);
  }
});

test("Cost: one at a time stays on the cheapest path and rotates there", () => {
  const from = balancer(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { spread: "Cost" });
  expect(shares(from, { count: 100 })).toEqual({ "c/0": 50, "c/1": 50 });
});

test("Cost: with 5 at once the next path takes part by in-flight + path cost", () => {
  const from = balancer(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { spread: "Cost" });
  // 4 fill c to 2 each = the cost difference; the fifth is a tie, and b waited longest.
  const first = Array.from({ length: 5 }, () => {
    const chosen = from.pick() as Endpoint;
    chosen.inFlight++;
    return chosen.wireId;
  });
  expect(first.toSorted()).toEqual(["b/0", "c/0", "c/0", "c/1", "c/1"]);
});

test("Cost: spillAt says how many each cheaper endpoint has before the next path takes part", () => {
  const from = balancer(offers({ "b/0": 900, "c/0": 2 }), { spread: "Cost", spillAt: 10 });
  const chosen = Array.from({ length: 21 }, () => {
    const one = from.pick() as Endpoint;
    one.inFlight++;
    return one.wireId;
  });
  expect(chosen.slice(0, 10).every((id) => id === "c/0")).toBe(true);
  expect(chosen.filter((id) => id === "b/0").length).toBe(6);
});

test("Cost: a path that was long too dear has no debts to collect", () => {
  const list = offers({ "b/0": 3, "c/0": 2 });
  const from = balancer(list, { spread: "Cost" });
  shares(from, { count: 1000 });
  const equal = list.map(({ endpoint: one }) => ({ endpoint: one, cost: 2 }));
  from.update(equal, from.policy);
  expect(shares(from, { count: 10 })).toEqual({ "b/0": 5, "c/0": 5 });
});

test("LeastRequest goes where least is in flight", () => {
  const list = offers({ "a/0": 0, "a/1": 0, "b/0": 1 });
  const busy = list[0]?.endpoint as Endpoint;
  busy.inFlight = 5;
  expect(shares(balancer(list, { algorithm: "LeastRequest" }), { count: 10 })).toEqual({
    "a/1": 5,
    "b/0": 5,
  });
});

test("not ready, unreachable and ejected have no share, and the reason is told", () => {
  const list = [
    { endpoint: endpoint("a/0"), cost: 0 },
    { endpoint: endpoint("a/1", { ready: false }), cost: 0 },
    { endpoint: endpoint("b/0"), cost: undefined },
    { endpoint: endpoint("c/0"), cost: 1 },
  ];
  const clock = new FakeClock();
  const from = balancer(list, {}, clock);
  for (let n = 0; n < 5; n++) from.report(list[3]?.endpoint as Endpoint, "connectFailed", 1);
  expect(shares(from, { count: 3 })).toEqual({ "a/0": 3 });
  expect(from.excluded.map(({ endpoint: one, why }) => [one.wireId, why])).toEqual([
    ["a/1", "not ready"],
    ["b/0", "unreachable"],
    ["c/0", "ejected"],
  ]);
  clock.advance(1201);
  expect(shares(from, { count: 4 })).toEqual({ "a/0": 2, "c/0": 2 });
});

test("never more than half is ejected", () => {
  const list = offers({ "a/0": 0, "b/0": 1, "c/0": 1 });
  for (const { endpoint: one } of list.slice(1)) for (let n = 0; n < 5; n++) one.failed(0, 0);
  expect(balancer(list).candidates.length).toBe(3);
});

test("an ejected endpoint is away 1 s, then 2, at most 60", () => {
  const one = endpoint("a/0");
  const delays = Array.from({ length: 14 }, () => one.failed(0, 0));
  expect(delays.slice(4, 12)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test("what was tried is not chosen again, and all tried means none", () => {
  for (const spread of ["Endpoints", "Clusters", "Cost"] as const) {
    const from = balancer(offers({ "a/0": 0, "b/0": 1, "b/1": 1 }), { spread });
    const tried: Endpoint[] = [];
    for (let n = 0; n < 3; n++) {
      const chosen = from.pick(tried);
      expect(chosen !== undefined && !tried.includes(chosen)).toBe(true);
      tried.push(chosen as Endpoint);
    }
    expect(from.pick(tried)).toBeUndefined();
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
      (churn, algorithm) => {
        const all = Array.from({ length: 6 }, (_, index) => endpoint(`a/${index}`));
        const from = balancer([], { algorithm });
        for (const [present, picks] of churn) {
          const members = present.map((index) => all[index] as Endpoint);
          from.update(
            members.map((one) => ({ endpoint: one, cost: 0 })),
            from.policy,
          );
          const got = shares(from, { count: picks });
          for (const one of members)
            expect(Math.abs((got[one.wireId] ?? 0) - picks / members.length)).toBeLessThan(2);
          // From a settled state on, exactly.
          const settled = shares(from, { count: members.length * 7 });
          for (const one of members) expect(Math.abs((settled[one.wireId] ?? 0) - 7)).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 200 },
  );
});

import { expect, test } from "bun:test";
import { Bench, chiSquare, endpoint, offer, offers, type Policy } from "../testing/selection.ts";
import { hash32 } from "./hash.ts";

const KEYS = Array.from({ length: 9000 }, (_, n) => ({ hash: hash32(`10.0.${n >> 8}.${n & 255}`) }));
const byKey = { count: KEYS.length, context: (n: number) => KEYS[n] ?? {} };
const TEN = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`a/${n}`, 0]));

function homes(bench: Bench): (string | undefined)[] {
  return KEYS.map((context) => bench.balancer.pick([], context)?.wireId);
}

function moved(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((home, n) => home !== after[n]).length;
}

test("each key has one endpoint, and keys spread evenly", () => {
  const bench = new Bench(offers(TEN), { algorithm: "Hash" });
  const first = homes(bench);
  expect(homes(bench)).toEqual(first);
  const counts = Object.values(bench.shares(byKey));
  // 27.9: one in a thousand, with 9 degrees of freedom.
  expect(counts.length).toBe(10);
  expect(
    chiSquare(
      counts,
      counts.map(() => 900),
    ),
  ).toBeLessThan(27.9);
});

test("weights are shares of the keys", () => {
  const list = [
    offer(endpoint("a/0", { weight: 3 })),
    offer(endpoint("a/1")),
    offer(endpoint("a/2", { weight: 5 })),
  ];
  const got = new Bench(list, { algorithm: "Hash" }).shares(byKey);
  expect(chiSquare([got["a/0"] ?? 0, got["a/1"] ?? 0, got["a/2"] ?? 0], [3000, 1000, 5000])).toBeLessThan(
    13.8,
  );
});

test("when an endpoint goes only its keys move; when it comes back they are there again", () => {
  const bench = new Bench(offers(TEN), { algorithm: "Hash" });
  const before = homes(bench);
  bench.ready(["a/3"], false);
  const without = homes(bench);
  expect(moved(before, without)).toBe(before.filter((home) => home === "a/3").length);
  bench.ready(["a/3"], true);
  expect(homes(bench)).toEqual(before);
});

test("an endpoint that joins takes its share, and nothing else moves", () => {
  const bench = new Bench(offers(TEN), { algorithm: "Hash" });
  const before = homes(bench);
  bench.set({ list: [...offers(TEN), offer(endpoint("a/new"))] });
  const after = homes(bench);
  for (const [n, home] of after.entries()) if (home !== before[n]) expect(home).toBe("a/new");
  expect(moved(before, after)).toBeWithin(700, 940);
});

test("Clusters and Weighted: clusters have their shares of the keys", () => {
  const list = offers({ "b/0": 1, "b/1": 1, "c/0": 1 });
  const clusters = new Bench(list, { spread: "Clusters", algorithm: "Hash" }).siteShares(byKey);
  expect(chiSquare([clusters["b"] ?? 0, clusters["c"] ?? 0], [4500, 4500])).toBeLessThan(10.8);
  const targets = [{ cluster: "b" }, { cluster: "c", weight: 8 }];
  const weighted = new Bench(list, { mode: "ActiveActive", spread: "Weighted", algorithm: "Hash", targets });
  const got = weighted.siteShares(byKey);
  expect(chiSquare([got["b"] ?? 0, got["c"] ?? 0], [1000, 8000])).toBeLessThan(10.8);
});

test("Cost: keys stay on the cheapest path", () => {
  const bench = new Bench(offers({ "b/0": 4, "c/0": 2, "c/1": 2 }), { spread: "Cost", algorithm: "Hash" });
  expect(Object.keys(bench.shares(byKey)).toSorted()).toEqual(["c/0", "c/1"]);
});

test("along a ramp keys go to the better tier one after the other and never back", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1 }), { algorithm: "Hash" });
  bench.ready(["me/0"], false);
  bench.ready(["me/0"], true);
  let before = homes(bench);
  for (let second = 1; second <= 10; second++) {
    bench.clock.advance(1000);
    const after = homes(bench);
    for (const [n, home] of before.entries()) if (home === "me/0") expect(after[n]).toBe("me/0");
    expect(after.filter((home) => home === "me/0").length).toBeWithin(900 * second - 150, 900 * second + 151);
    before = after;
  }
});

test("a request without the key is balanced in turn", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0 }), {
    algorithm: "Hash",
    hash: { source: "Header", name: "X-User" },
  });
  expect(bench.balancer.needs).toEqual({ kind: "header", name: "x-user" });
  expect(bench.shares({ count: 10 })).toEqual({ "a/0": 5, "a/1": 5 });
});

test.each<[Policy, object]>([
  [{}, { kind: "none" }],
  [{ algorithm: "Hash" }, { kind: "clientIp" }],
  [{ affinity: { type: "ClientIP", timeoutSeconds: 10 }, algorithm: "RoundRobin" }, { kind: "clientIp" }],
  [{ hash: { source: "Cookie", name: "sid" } }, { kind: "cookie", name: "sid", set: false, ttlSeconds: 0 }],
  [
    { hash: { source: "Cookie", name: "sid", ttlSeconds: 5 } },
    { kind: "cookie", name: "sid", set: true, ttlSeconds: 5 },
  ],
  [
    { affinity: { type: "Cookie", cookie: "route" } },
    { kind: "cookie", name: "route", set: true, ttlSeconds: 0 },
  ],
])("%j needs %j of a request", (policy, needs) => {
  expect<object>(new Bench([], policy).balancer.needs).toEqual(needs);
});

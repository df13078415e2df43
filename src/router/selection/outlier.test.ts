import { expect, test } from "bun:test";
import type { Endpoint } from "../endpoint.ts";
import { Bench, offers } from "../testing/selection.ts";

const THREE = { "a/0": 0, "a/1": 0, "a/2": 0 };

test("five failures in a row put an endpoint aside for 1 s and a little", () => {
  for (const outcome of ["connectFailed", "reset", "timeout"] as const) {
    const bench = new Bench(offers(THREE));
    bench.report("a/0", outcome, { times: 4 });
    expect(bench.why()).toEqual({});
    bench.report("a/0", "ok");
    bench.report("a/0", outcome, { times: 4 });
    expect(bench.why()).toEqual({});
    bench.report("a/0", outcome);
    expect(bench.why()).toEqual({ "a/0": "ejected" });
    expect(bench.ejections).toBe(1);
    expect(bench.shares({ count: 10 })).toEqual({ "a/1": 5, "a/2": 5 });
    bench.clock.advance(999);
    expect(bench.shares({ count: 10 })).toEqual({ "a/1": 5, "a/2": 5 });
  }
});

test("5xx answers count only where the policy says so", () => {
  const bench = new Bench(offers(THREE));
  bench.report("a/0", "serverError", { times: 50 });
  expect(bench.why()).toEqual({});
  bench.set({ policy: { outlier: { serverErrors: true } } });
  bench.report("a/0", "serverError", { times: 4 });
  bench.report("a/0", "ok");
  bench.report("a/0", "serverError", { times: 5 });
  expect(bench.why()).toEqual({ "a/0": "ejected" });
});

test("after its time exactly one request tries it; an answer brings it back", () => {
  const bench = new Bench(offers(THREE));
  bench.report("a/0", "reset", { times: 5 });
  bench.clock.advance(1201);
  expect(bench.balancer.peek()?.wireId).toBe("a/0");
  expect(bench.balancer.pick()?.wireId).toBe("a/0");
  expect(bench.shares({ count: 10 })).toEqual({ "a/1": 5, "a/2": 5 });
  bench.clock.advance(30);
  bench.report("a/0", "ok", { latencyMs: 30 });
  expect(bench.shares({ count: 9 })).toEqual({ "a/0": 3, "a/1": 3, "a/2": 3 });
});

test("a trial that fails means twice as long, up to the most; an answer forgives all", () => {
  const bench = new Bench(offers(THREE), { outlier: { maxEjectionMs: 5000 } });
  bench.report("a/0", "reset", { times: 5 });
  for (const baseMs of [1000, 2000, 4000, 5000, 5000]) {
    bench.clock.advance(baseMs - 1);
    expect(bench.balancer.peek()?.wireId).not.toBe("a/0");
    bench.clock.advance(baseMs * 0.2 + 2);
    expect(bench.balancer.pick()?.wireId).toBe("a/0");
    bench.report("a/0", "reset", { latencyMs: 0 });
    expect(bench.why()).toEqual({ "a/0": "ejected" });
  }
  bench.clock.advance(6001);
  bench.balancer.pick();
  bench.report("a/0", "ok", { latencyMs: 0 });
  expect(bench.why()).toEqual({});
  bench.report("a/0", "reset", { times: 5, latencyMs: 0 });
  bench.clock.advance(1201);
  expect(bench.balancer.pick()?.wireId).toBe("a/0");
});

test("a trial that is never heard of is followed by another", () => {
  const bench = new Bench(offers(THREE));
  bench.report("a/0", "reset", { times: 5 });
  bench.clock.advance(1201);
  expect(bench.balancer.pick()?.wireId).toBe("a/0");
  bench.clock.advance(1900);
  expect(bench.shares({ count: 4 })).toEqual({ "a/1": 2, "a/2": 2 });
  bench.clock.advance(101);
  expect(bench.balancer.pick()?.wireId).toBe("a/0");
});

test("what began before it was put aside neither brings it back nor makes it longer", () => {
  const bench = new Bench(offers(THREE));
  bench.clock.advance(5000);
  bench.report("a/0", "connectFailed", { times: 5 });
  bench.clock.advance(10);
  bench.report("a/0", "ok", { latencyMs: 500 });
  bench.report("a/0", "connectFailed", { times: 50, latencyMs: 500 });
  expect(bench.why()).toEqual({ "a/0": "ejected" });
  bench.clock.advance(1191);
  expect(bench.balancer.pick()?.wireId).toBe("a/0");
  bench.report("a/0", "timeout", { latencyMs: 3000 });
  bench.report("a/0", "ok", { latencyMs: 3000 });
  expect(bench.why()).toEqual({ "a/0": "ejected" });
  bench.report("a/0", "ok", { latencyMs: 0 });
  expect(bench.why()).toEqual({});
});

test("a blackholed endpoint is put aside by two lost connects", () => {
  const bench = new Bench(offers(THREE));
  bench.report("a/0", "connectFailed", { latencyMs: 1000 });
  expect(bench.why()).toEqual({});
  bench.report("a/0", "connectFailed", { latencyMs: 1000 });
  expect(bench.why()).toEqual({ "a/0": "ejected" });
});

test("50 clients at once meet a blackholed endpoint: each loses at most one second, once", () => {
  const bench = new Bench(offers(THREE), {}, { http: true });
  let lost = 0;
  const waiting: { until: number; tried: Endpoint[] }[] = [];
  for (let ms = 0; ms < 20_000; ms += 10) {
    // 100 requests per second; those to a/0 hang for a second, the others answer at once.
    const chosen = bench.balancer.pick() as Endpoint;
    if (chosen.wireId === "a/0") {
      lost++;
      chosen.inFlight++;
      waiting.push({ until: ms + 1000, tried: [chosen] });
    } else bench.balancer.report(chosen, "ok", 1);
    while (waiting[0] !== undefined && waiting[0].until <= ms) {
      const { tried } = waiting.shift() as { tried: Endpoint[] };
      (tried[0] as Endpoint).inFlight--;
      bench.balancer.report(tried[0] as Endpoint, "connectFailed", 1000);
      expect(bench.balancer.pick(tried)?.wireId).not.toBe("a/0");
    }
    bench.clock.advance(10);
  }
  // Five at first, which then count as load; later one for each trial, and with ever more time between.
  expect(lost).toBeLessThan(12);
});

test("never more than half is out; the longest out stay out", () => {
  const bench = new Bench(offers({ "a/0": 0, "a/1": 0, "a/2": 0, "b/0": 0, "b/1": 0 }));
  for (const id of ["a/1", "a/0", "b/1", "b/0"]) {
    bench.report(id, "reset", { times: 5 });
    bench.clock.advance(10);
  }
  expect(bench.why()).toEqual({ "a/1": "ejected", "a/0": "ejected" });
  expect(bench.ejections).toBe(2);
  expect(bench.shares({ count: 9 })).toEqual({ "a/2": 3, "b/0": 3, "b/1": 3 });
});

test("the only endpoint is never put aside", () => {
  const bench = new Bench(offers({ "a/0": 0 }));
  for (let n = 0; n < 100; n++) {
    bench.report("a/0", "reset");
    bench.clock.advance(50);
    expect(bench.shares({ count: 1 })).toEqual({ "a/0": 1 });
  }
  expect(bench.ejections).toBe(0);
});

test("maxEjectedPercent and consecutiveFailures are what the policy says", () => {
  const bench = new Bench(offers(THREE), { outlier: { maxEjectedPercent: 100, consecutiveFailures: 1 } });
  bench.report("a/0", "reset");
  bench.report("a/1", "reset");
  expect(Object.keys(bench.why())).toEqual(["a/0", "a/1"]);
  bench.set({ policy: { outlier: { maxEjectedPercent: 0, consecutiveFailures: 1 } } });
  expect(bench.why()).toEqual({});
});

test("when all of a tier fail, the next one takes over, and trials find the way back", () => {
  const bench = new Bench(offers({ "me/0": 0, "me/1": 0, "b/0": 1 }), { failover: { rampMs: 1000 } });
  for (const id of ["me/0", "me/1"]) bench.report(id, "connectFailed", { times: 5 });
  expect(bench.shares({ count: 10 })).toEqual({ "b/0": 10 });
  expect(bench.why()).toEqual({ "me/0": "ejected", "me/1": "ejected" });
  bench.clock.advance(1201);
  expect(bench.shares({ count: 10 })).toEqual({ "me/0": 1, "me/1": 1, "b/0": 8 });
  bench.report("me/1", "ok", { latencyMs: 0 });
  bench.clock.advance(500);
  expect(bench.shares({ count: 100 })).toEqual({ "me/1": 50, "b/0": 50 });
});

test("when everything everywhere fails, what is left in by the cap is used", () => {
  const bench = new Bench(offers({ "me/0": 0, "me/1": 0, "b/0": 1 }));
  for (const id of ["me/0", "me/1", "b/0"]) bench.report(id, "connectFailed", { times: 5 });
  expect(bench.why()).toEqual({ "me/0": "ejected", "me/1": "tier not in use" });
  expect(bench.shares({ count: 10 })).toEqual({ "b/0": 10 });
  bench.clock.advance(1000);
  expect(bench.siteShares({ count: 100 })).toEqual({ me: 10, b: 90 });
});

test("in a tier that is not in use nothing is tried with live requests", () => {
  const bench = new Bench(offers({ "me/0": 0, "b/0": 1, "b/1": 1 }));
  bench.report("b/0", "reset", { times: 5 });
  expect(bench.why()).toEqual({ "b/0": "ejected", "b/1": "tier not in use" });
  bench.clock.advance(1201);
  expect(bench.shares({ count: 10 })).toEqual({ "me/0": 10 });
  expect(bench.why()).toEqual({ "b/0": "tier not in use", "b/1": "tier not in use" });
});

test("with a hash an endpoint is back after its time, and the next failure puts it aside again", () => {
  const bench = new Bench(offers(THREE), { algorithm: "Hash" });
  bench.report("a/0", "reset", { times: 5 });
  bench.clock.advance(1201);
  expect(bench.why()).toEqual({});
  bench.report("a/0", "reset", { latencyMs: 0 });
  expect(bench.why()).toEqual({ "a/0": "ejected" });
  bench.clock.advance(1201);
  expect(bench.why()).toEqual({ "a/0": "ejected" });
});

test("an endpoint that became ready again, or whose site can be reached again, begins anew", () => {
  const list = offers(THREE);
  const bench = new Bench(list);
  bench.report("a/0", "reset", { times: 5 });
  bench.ready(["a/0"], false);
  expect(bench.why()).toEqual({ "a/0": "not ready" });
  bench.ready(["a/0"], true);
  expect(bench.why()).toEqual({});
  bench.report("a/0", "reset", { times: 5 });
  bench.set({ list: list.map((one) => ({ ...one, cost: undefined })) });
  bench.set({ list });
  expect(bench.shares({ count: 9 })).toEqual({ "a/0": 3, "a/1": 3, "a/2": 3 });
});

test("outliers can be switched off, which pardons all", () => {
  const bench = new Bench(offers(THREE));
  bench.report("a/0", "reset", { times: 5 });
  bench.set({ policy: { outlier: { enabled: false } } });
  expect(bench.why()).toEqual({});
  bench.report("a/0", "reset", { times: 50 });
  expect(bench.why()).toEqual({});
});

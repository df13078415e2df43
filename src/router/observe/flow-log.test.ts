import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import { ServiceStats } from "../counters.ts";
import { FlowLog, type FlowLogOptions } from "./flow-log.ts";
import { trafficToNobody } from "./traffic-ledger.ts";

const row = trafficToNobody(new ServiceStats("ns/app", 80), "http");

function newLog(options: Partial<FlowLogOptions> = {}): { readonly log: FlowLog; readonly clock: FakeClock } {
  const clock = new FakeClock();
  clock.advance(10_000);
  return { clock, log: new FlowLog({ clock, random: systemRandom, ...options }) };
}

function add(log: FlowLog, more: { readonly path?: string; readonly reason?: string } = {}): void {
  const { path = "/", reason } = more;
  log.add({
    row,
    client: "10.0.0.1",
    durationMs: 1,
    bytesToEndpoint: 1,
    bytesToClient: 1,
    attempts: 1,
    failed: reason !== undefined,
    reason,
    why: "Endpoints, RoundRobin",
    http: { method: "GET", host: "app", path, status: 200 },
  });
}

/** Flows end at an even rate; those that are wanted are added. Returns how many were. */
function run(
  { log, clock }: { readonly log: FlowLog; readonly clock: FakeClock },
  { perSecond, seconds, failed = false }: { perSecond: number; seconds: number; failed?: boolean },
): number {
  let taken = 0;
  for (let n = 0; n < perSecond * seconds; n++) {
    clock.advance(1000 / perSecond);
    if (!log.wants(clock.monotonicMs(), failed)) continue;
    taken++;
    add(log, failed ? { reason: "reset" } : {});
  }
  return taken;
}

test("up to 200 a second each flow is recorded", () => {
  const one = newLog();
  expect(run(one, { perSecond: 200, seconds: 10 })).toBe(2000);
  expect(one.log.unsampled).toBe(0);
});

test("past that the rate of records stays near 200 a second, whatever the rate of flows, and the rest is counted", () => {
  const one = newLog();
  run(one, { perSecond: 20_000, seconds: 1 });
  const before = one.log.unsampled;
  const taken = run(one, { perSecond: 20_000, seconds: 5 });
  expect(taken).toBeGreaterThan(700);
  expect(taken).toBeLessThan(1300);
  expect(one.log.unsampled - before).toBe(100_000 - taken);
  expect(run(one, { perSecond: 100, seconds: 2 })).toBeGreaterThan(150);
});

test("a burst after a pause is recorded in full up to 400, and bounded at once past that", () => {
  const one = newLog();
  expect(run(one, { perSecond: 4000, seconds: 0.1 })).toBe(400);
  run(one, { perSecond: 1, seconds: 5 });
  expect(run(one, { perSecond: 100_000, seconds: 0.2 })).toBeLessThanOrEqual(401);
});

test("failures that sampling leaves out have a rate of their own", () => {
  const one = newLog();
  run(one, { perSecond: 10_000, seconds: 1 });
  let failures = 0;
  for (let n = 0; n < 10_000; n++) {
    one.clock.advance(0.1);
    if (one.log.wants(one.clock.monotonicMs(), n % 500 === 0) && n % 500 === 0) failures++;
  }
  expect(failures).toBe(20);
  expect(run(one, { perSecond: 10_000, seconds: 5, failed: true })).toBeLessThan(5 * 320);
});

test("the ring forgets the oldest, and says how many an asker missed", () => {
  const { log } = newLog({ maxRecords: 100 });
  for (let n = 0; n < 250; n++) add(log);
  expect(log.size).toBe(100);
  const all = log.since(undefined, 1000);
  expect([all.flows.length, all.flows[0]?.seq, all.lost, all.next]).toEqual([100, 151, 0, 250]);
  const late = log.since(100, 30);
  expect([late.flows.length, late.flows[0]?.seq, late.lost, late.next]).toEqual([30, 151, 50, 180]);
  const rest = log.since(late.next, 1000);
  expect([rest.flows.length, rest.lost, rest.next]).toEqual([70, 0, 250]);
  expect(log.since(250, 1000)).toEqual({ flows: [], lost: 0, unsampled: 0, next: 250 });
});

test("long texts make it forget sooner: memory is bounded by characters too", () => {
  const { log } = newLog({ maxCharacters: 100_000 });
  for (let n = 0; n < 1000; n++) add(log, { path: "x".repeat(200) });
  expect(log.size).toBeLessThan(250);
  expect(log.since(undefined, 1000).next).toBe(1000);
});

test("what was not sampled adds up over all answers, without doubles", () => {
  const one = newLog();
  let cursor: number | undefined;
  let [flows, unsampled] = [0, 0];
  for (let n = 0; n < 20; n++) {
    run(one, { perSecond: 3000, seconds: 0.5 });
    const answer = one.log.since(cursor, 1000);
    expect(answer.lost).toBe(0);
    cursor = answer.next;
    flows += answer.flows.length;
    unsampled += answer.unsampled;
  }
  add(one.log);
  const last = one.log.since(cursor, 1000);
  expect(flows + last.flows.length + unsampled + last.unsampled).toBe(30_000 + 1);
});

test("switched off it records nothing and costs nothing", () => {
  const one = newLog();
  one.log.enabled = false;
  expect(run(one, { perSecond: 100, seconds: 1 })).toBe(0);
  expect(one.log.since(undefined, 10).flows).toEqual([]);
});

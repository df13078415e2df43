import { expect, test } from "bun:test";
import { ServiceStats } from "../counters.ts";
import { Endpoint } from "../endpoint.ts";
import { TrafficLedger, trafficTo, trafficToNobody } from "./traffic-ledger.ts";

const facts = { name: "pod", ready: true, weight: 1, ports: new Map(), host: undefined };
const FOLD_MS = 300_000;

function sum(ledger: TrafficLedger): number {
  return [...ledger.rows].reduce((all, { total }) => all + total, 0);
}

function knows({ endpoint }: { readonly endpoint: string }): boolean {
  return endpoint === "a/pod-0";
}

test("an endpoint has one row for each port and protocol, and keeps it when it comes back under its name", () => {
  const ledger = new TrafficLedger();
  const [web, admin] = [new ServiceStats("ns/app", 80, ledger), new ServiceStats("ns/app", 81, ledger)];
  const endpoint = new Endpoint("a", "pod-0", facts);
  const row = trafficTo(endpoint, web, "http");
  expect(trafficTo(endpoint, web, "http")).toBe(row);
  expect(trafficTo(endpoint, web, "grpc")).not.toBe(row);
  expect(trafficTo(endpoint, admin, "http")).not.toBe(row);
  expect(trafficTo(endpoint, web, "http")).toBe(row);
  expect(trafficTo(new Endpoint("a", "pod-0", facts), web, "http")).toBe(row);
  expect(trafficToNobody(web, "http")).toBe(trafficToNobody(web, "http"));
  expect(ledger.size).toBe(4);
});

test("what endpoints that are gone had is folded into one row after five minutes, and no sum goes down", () => {
  const ledger = new TrafficLedger();
  const stats = new ServiceStats("ns/app", 80, ledger);
  for (let n = 0; n < 10; n++) {
    const row = trafficTo(new Endpoint("a", `pod-${n}`, facts), stats, "http");
    row.total += 5;
    (row.codes[1] as number) += 5;
    row.took(1);
  }
  const busy = trafficTo(new Endpoint("a", "busy", facts), stats, "http");
  busy.active = 1;
  busy.total = 7;
  ledger.sweep(0, knows);
  ledger.sweep(FOLD_MS - 1, knows);
  expect(ledger.size).toBe(11);
  ledger.sweep(FOLD_MS, knows);
  expect([...ledger.rows].map(({ key, total }) => [key.endpoint, total])).toEqual([
    ["a/pod-0", 5],
    ["a/busy", 7],
    ["a/", 45],
  ]);
  const folded = [...ledger.rows].at(-1);
  expect([folded?.codes[1], folded?.durations[1], folded?.durationSumMs]).toEqual([45, 9, 9]);
  busy.active = 0;
  ledger.sweep(FOLD_MS, knows);
  ledger.sweep(2 * FOLD_MS, knows);
  expect([ledger.size, sum(ledger)]).toEqual([2, 57]);
});

test("an endpoint that was away for less than five minutes keeps its row", () => {
  const ledger = new TrafficLedger();
  const stats = new ServiceStats("ns/app", 80, ledger);
  trafficTo(new Endpoint("a", "pod-0", facts), stats, "tcp").total++;
  ledger.sweep(0, () => false);
  ledger.sweep(FOLD_MS / 2, () => true);
  ledger.sweep(FOLD_MS, () => false);
  ledger.sweep(2 * FOLD_MS - 1, () => false);
  expect([...ledger.rows].map(({ key }) => key.endpoint)).toEqual(["a/pod-0"]);
});

test("past its bound everything is counted in one row per protocol, and found there without a lookup", () => {
  const ledger = new TrafficLedger({ maxRows: 3 });
  const stats = new ServiceStats("ns/app", 80, ledger);
  const endpoints = Array.from({ length: 50 }, (_, n) => new Endpoint("a", `pod-${n}`, facts));
  for (const endpoint of endpoints) trafficTo(endpoint, stats, "http").total++;
  for (const endpoint of endpoints) trafficTo(endpoint, stats, "http").total++;
  expect([...ledger.rows].map(({ key, total }) => [key.service, total])).toEqual([
    ["ns/app", 2],
    ["ns/app", 2],
    ["ns/app", 2],
    ["(other)", 94],
  ]);
  expect(ledger.overflows).toBe(47);
});

test("a row's version says when it changed last; many changes are spread over versions", () => {
  const ledger = new TrafficLedger();
  const stats = new ServiceStats("ns/app", 80, ledger);
  const rows = Array.from({ length: 1200 }, (_, n) =>
    trafficTo(new Endpoint("a", `${n}`, facts), stats, "tcp"),
  );
  const first = ledger.settle();
  expect(new Set(rows.map(({ version }) => version)).size).toBe(3);
  expect(ledger.settle()).toBe(first);
  (rows[7] as (typeof rows)[0]).active++;
  const second = ledger.settle();
  expect(second).toBeGreaterThan(first);
  expect(rows.filter(({ version }) => version > first)).toEqual([rows[7] as (typeof rows)[0]]);
  (rows[8] as (typeof rows)[0]).liveToClient = 12;
  expect(ledger.settle()).toBeGreaterThan(second);
});

test("durations fall into the bucket whose bound they do not pass", () => {
  const row = trafficToNobody(new ServiceStats("ns/app", 80), "http");
  for (const ms of [0, 0.5, 0.51, 30_000, 30_001]) row.took(ms);
  expect([row.durations[0], row.durations[1], row.durations.at(-2), row.durations.at(-1)]).toEqual([
    2, 1, 1, 1,
  ]);
});

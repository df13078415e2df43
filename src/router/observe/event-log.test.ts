import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { EventLog } from "./event-log.ts";

test("the same of the same thing is told once in five seconds, its opposite at once", () => {
  const clock = new FakeClock();
  const log = new EventLog(clock);
  const link = (kind: "LinkUp" | "LinkDown", name = "a"): void =>
    log.add({ kind, link: name, message: kind });
  link("LinkDown");
  link("LinkDown");
  link("LinkDown", "b");
  link("LinkUp");
  link("LinkDown");
  clock.advance(6000);
  link("LinkDown");
  const { events } = log.since(undefined, 100);
  expect(events.map(({ kind, link: name }) => `${kind} ${name}`)).toEqual([
    "LinkDown a",
    "LinkDown b",
    "LinkUp a",
    "LinkDown a",
    "LinkDown a",
  ]);
  expect(log.since(3, 100).events.map(({ seq }) => seq)).toEqual([4, 5]);
});

test("a flood of events is bounded, in rate and in memory, and what was lost is counted", () => {
  const clock = new FakeClock();
  const log = new EventLog(clock);
  const flood = (count: number): void => {
    for (let n = 0; n < count; n++) {
      clock.advance(1);
      log.add({ kind: "EndpointEjected", endpointName: `pod-${n}`, message: "x".repeat(1000) });
    }
  };
  flood(10_000);
  const first = log.since(undefined, 10_000);
  expect(first.events.length).toBeLessThan(320);
  expect(first.events[0]?.message).toHaveLength(300);
  expect(first.lost + first.events.length).toBeGreaterThan(9800);
  for (let n = 0; n < 30; n++) {
    clock.advance(60_000);
    flood(1000);
  }
  const all = log.since(undefined, 10_000);
  expect(all.events).toHaveLength(1024);
  expect(log.since(1, 10).lost).toBeGreaterThan(1000);
});

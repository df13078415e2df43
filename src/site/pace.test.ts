import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { Pace } from "./pace.ts";

test("many calls are one run, and a job that takes long leaves as much time to others", () => {
  const clock = new FakeClock();
  const runsMs: number[] = [];
  let takesMs = 0;
  const pace = new Pace(clock, () => {
    runsMs.push(clock.monotonicMs());
    clock.advance(takesMs);
  });
  pace.soon();
  pace.soon();
  clock.advance(0);
  expect(runsMs).toEqual([0]);
  takesMs = 100;
  pace.now();
  pace.now();
  pace.now();
  expect(runsMs).toEqual([0, 0]);
  clock.advance(99);
  expect(runsMs).toHaveLength(2);
  clock.advance(1);
  expect(runsMs).toEqual([0, 0, 200]);
});

import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { Attempts } from "./attempts.ts";

function failing(attempts: Attempts, address: string, times: number): void {
  for (let i = 0; i < times; i++) attempts.failed(address);
}

test("five wrong passwords of one address are one too many for it alone, and one comes back each 10 s", () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  failing(attempts, "10.0.0.1", 4);
  expect(attempts.waitSeconds("10.0.0.1")).toBe(0);
  attempts.failed("10.0.0.1");
  expect(attempts.waitSeconds("10.0.0.1")).toBe(10);
  expect(attempts.waitSeconds("10.0.0.2")).toBe(0);
  clock.advance(10_000);
  expect(attempts.waitSeconds("10.0.0.1")).toBe(0);
  attempts.failed("10.0.0.1");
  expect(attempts.waitSeconds("10.0.0.1")).toBe(10);
});

test("all addresses of one /64 count as one, however they are written", () => {
  for (const [one, other, same] of [
    ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true],
    ["2001:db8::1", "2001:db8:0:0:9::", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["2001:db8::1", "2001:db9::1", false],
    ["::1", "1::1", false],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.2", false],
  ] as const) {
    const attempts = new Attempts(new FakeClock());
    failing(attempts, one, 5);
    expect([one, other, attempts.waitSeconds(other) > 0]).toEqual([one, other, same]);
  }
});

test("from many addresses fifty at once are too many, then one a second", () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  for (let i = 0; i < 50; i++) attempts.failed(`10.0.0.${i}`);
  expect(attempts.waitSeconds("10.9.9.9")).toBe(1);
  clock.advance(1000);
  expect(attempts.waitSeconds("10.9.9.9")).toBe(0);
});

test("the addresses that are remembered are bounded: the one that was quiet for longest is forgotten", () => {
  const attempts = new Attempts(new FakeClock());
  failing(attempts, "10.0.0.1", 5);
  for (let i = 0; i < 1000; i++) attempts.failed(`10.1.${Math.floor(i / 250)}.${i % 250}`);
  // Only the bound of all is left for it.
  expect(attempts.waitSeconds("10.0.0.1")).toBe(1);
});

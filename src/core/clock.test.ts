import { expect, test } from "bun:test";
import { FakeClock } from "./clock.ts";

test("the fake clock fires timers in order of their time, also those set by timers", () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  clock.after(20, () => seen.push("b"));
  clock.after(10, () => {
    seen.push("a");
    clock.after(5, () => seen.push("a2"));
  });
  const stop = clock.every(8, () => seen.push("tick"));
  clock.advance(20);
  expect(seen).toEqual(["tick", "a", "a2", "tick", "b"]);
  stop();
  clock.advance(100);
  expect(seen.length).toBe(5);
  expect(clock.monotonicMs()).toBe(120);
});

import { expect, test } from "bun:test";
import { Backoff } from "./backoff.ts";
import { seededRandom } from "./random.ts";

test("a delay is never longer than the doubled bound nor the cap, and never spins", () => {
  const backoff = new Backoff({ baseMs: 100, capMs: 5000, random: seededRandom(7) });
  for (let attempt = 0; attempt < 200; attempt++) {
    const bound = Math.min(5000, 100 * 2 ** Math.min(attempt, 30));
    const delay = backoff.nextDelayMs();
    expect(delay).toBeLessThanOrEqual(bound);
    expect(delay).toBeGreaterThanOrEqual(bound / 10);
  }
  expect(backoff.attempt).toBe(200);
  backoff.reset();
  expect(backoff.nextDelayMs()).toBeLessThanOrEqual(100);
});

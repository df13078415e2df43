import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { RateLimiter } from "./rate-limiter.ts";

test("each source has its own allowance, all together have one, and memory is bounded", () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({
    clock,
    perSource: { burst: 2, perSecond: 1 },
    global: { burst: 5, perSecond: 1 },
    maxSources: 3,
  });
  expect([limiter.take("a"), limiter.take("a")]).toEqual([undefined, undefined]);
  expect(limiter.take("a")).toBe(1);
  expect([limiter.take("b"), limiter.take("c"), limiter.take("d")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(limiter.take("e")).toBe(1);
  expect(limiter.sources).toBe(3);
  clock.advance(1000);
  expect(limiter.take("e")).toBeUndefined();
});

import { isIP } from "node:net";
import type { Clock } from "#core/clock.ts";

interface Bucket {
  tokens: number;
  atMs: number;
}

interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

const PER_SOURCE: Rate = { burst: 5, perSecond: 0.1 };
/** For who has many addresses. */
const ALL: Rate = { burst: 50, perSecond: 1 };
const MAX_SOURCES = 1000;

/**
 * Bounds wrong passwords: 5 at once and then one in 10 s from one address (one /64 of IPv6), 50 and then one a second from all. While it
 * says no, nobody is told whether a password was right.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Bucket>();
  readonly #all: Bucket;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = { tokens: ALL.burst, atMs: clock.monotonicMs() };
  }

  /** Whole seconds until one more may be tried; 0 is now. */
  waitSeconds(address: string): number {
    const now = this.#clock.monotonicMs();
    const own = this.#sources.get(sourceOf(address));
    return Math.max(own === undefined ? 0 : missing(own, PER_SOURCE, now), missing(this.#all, ALL, now));
  }

  failed(address: string): void {
    const now = this.#clock.monotonicMs();
    const source = sourceOf(address);
    const own = this.#sources.get(source) ?? { tokens: PER_SOURCE.burst, atMs: now };
    // Moved to the end, so that the first is the one that was quiet for longest.
    this.#sources.delete(source);
    this.#sources.set(source, own);
    refill(own, PER_SOURCE, now);
    refill(this.#all, ALL, now);
    own.tokens = Math.max(0, own.tokens - 1);
    this.#all.tokens = Math.max(0, this.#all.tokens - 1);
    for (const oldest of this.#sources.keys()) {
      if (this.#sources.size <= MAX_SOURCES) break;
      this.#sources.delete(oldest);
    }
  }
}

function missing(bucket: Bucket, rate: Rate, nowMs: number): number {
  refill(bucket, rate, nowMs);
  return bucket.tokens >= 1 ? 0 : Math.ceil((1 - bucket.tokens) / rate.perSecond);
}

function refill(bucket: Bucket, { burst, perSecond }: Rate, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
  bucket.atMs = nowMs;
}

/** One host may have all addresses of a /64. */
function sourceOf(address: string): string {
  if (isIP(address) !== 6 || address.startsWith("::ffff:")) return address;
  const [head, tail] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const groups = [...(head ?? [])];
  if (tail !== undefined) groups.push(...Array<string>(8 - groups.length - tail.length).fill("0"), ...tail);
  return groups.slice(0, 4).join(":");
}

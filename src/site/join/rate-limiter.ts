import type { Clock } from "#core/clock.ts";

export interface RateLimit {
  /** Requests that may come at once. */
  readonly burst: number;
  /** Requests a second that are allowed for ever. */
  readonly perSecond: number;
}

export interface RateLimiterOptions {
  readonly clock: Clock;
  readonly perSource: RateLimit;
  readonly global: RateLimit;
  /** Sources that are remembered; beyond it the one that was seen longest ago is forgotten. */
  readonly maxSources?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Token buckets, one per source and one for all. Memory is bounded; no call allocates more than one bucket. */
export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #sources = new Map<string, Bucket>();
  readonly #global: Bucket;

  constructor(options: RateLimiterOptions) {
    this.#options = options;
    this.#global = { tokens: options.global.burst, atMs: options.clock.monotonicMs() };
  }

  /** Takes one request of `source`: undefined when it may go on, else seconds after which to try again. */
  take(source: string): number | undefined {
    const { clock, perSource, global, maxSources = 4096 } = this.#options;
    const nowMs = clock.monotonicMs();
    let bucket = this.#sources.get(source);
    if (bucket === undefined) bucket = { tokens: perSource.burst, atMs: nowMs };
    else this.#sources.delete(source);
    this.#sources.set(source, bucket);
    if (this.#sources.size > maxSources) {
      for (const oldest of this.#sources.keys()) {
        this.#sources.delete(oldest);
        break;
      }
    }
    // The source pays first: one that is over its own limit takes nothing from the others.
    const waitS = spend(bucket, perSource, nowMs) ?? spend(this.#global, global, nowMs);
    return waitS === undefined ? undefined : Math.max(1, Math.ceil(waitS));
  }

  get sources(): number {
    return this.#sources.size;
  }
}

function spend(bucket: Bucket, limit: RateLimit, nowMs: number): number | undefined {
  bucket.tokens = Math.min(limit.burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * limit.perSecond);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1) return (1 - bucket.tokens) / limit.perSecond;
  bucket.tokens--;
  return undefined;
}

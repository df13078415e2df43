import type { Clock } from "#core/clock.ts";
import type { H2CounterName } from "./counters.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What is counted against a flood, with how many at once and per second are let pass. */
const RATES = {
  rapidReset: { capacity: 1000, perSecond: 50 },
  provokedReset: { capacity: 200, perSecond: 10 },
  refusedStreamFlood: { capacity: 1000, perSecond: 50 },
  settingsFlood: { capacity: 100, perSecond: 5 },
  pingFlood: { capacity: 500, perSecond: 50 },
  emptyDataFlood: { capacity: 500, perSecond: 20 },
  windowUpdateFlood: { capacity: 2000, perSecond: 200 },
  priorityFlood: { capacity: 1000, perSecond: 20 },
  unknownFrameFlood: { capacity: 500, perSecond: 20 },
  closedStreamFlood: { capacity: 2000, perSecond: 100 },
} as const satisfies Partial<Record<H2CounterName, { capacity: number; perSecond: number }>>;

export type FloodKind = keyof typeof RATES;

/**
 * Keeps what a peer may do for nothing within bounds; a bucket is made when its kind is first seen. What useful work brings
 * with it earns its own way: a stream that ended well pays for one that is reset, a DATA frame for its window updates and for
 * the ping that measures its path.
 */
export class Guard {
  readonly #clock: Clock;
  readonly #buckets: Partial<Record<FloodKind, TokenBucket>> = {};
  #dataFrames = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False when it is too much. */
  allows(kind: FloodKind): boolean {
    const bucket = (this.#buckets[kind] ??= new TokenBucket({ ...RATES[kind], clock: this.#clock }));
    return bucket.take();
  }

  /** A stream came to its end in both directions. */
  streamDone(): void {
    this.#buckets.rapidReset?.earn(1);
    this.#buckets.provokedReset?.earn(0.1);
    this.#buckets.windowUpdateFlood?.earn(4);
    this.#buckets.priorityFlood?.earn(2);
    this.#buckets.unknownFrameFlood?.earn(2);
    this.#buckets.closedStreamFlood?.earn(2);
  }

  /** A stream was reset: a window full of its frames may be on its way. */
  streamReset(): void {
    this.#buckets.closedStreamFlood?.earn(20);
  }

  /** A DATA frame with data came in. */
  dataReceived(): void {
    this.#buckets.pingFlood?.earn(1);
    this.#buckets.emptyDataFlood?.earn(1);
  }

  /** So many DATA frames went out since the connection began. */
  dataSent(frames: number): void {
    const more = frames - this.#dataFrames;
    if (more === 0) return;
    this.#dataFrames = frames;
    this.#buckets.windowUpdateFlood?.earn(more * 4);
    this.#buckets.pingFlood?.earn(more);
  }
}

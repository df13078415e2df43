import type { Clock } from "#core/clock.ts";
import type { Flow } from "./flow.ts";

/** How often the wheel turns: idle timeouts are kept within this and a quarter of themselves. */
const TICK_MS = 250;
const BUCKETS = 256;
/** A flow is looked at so many times within its idle timeout. */
const LOOKS = 4;

/**
 * Every flow of this router, on a coarse timer wheel. Nothing is counted while bytes move: a flow is looked at four
 * times per idle timeout, and reaped when its byte counts stood still for all of them; half-closed ones too.
 */
export class FlowTable {
  readonly #buckets: Set<Flow>[] = Array.from({ length: BUCKETS }, () => new Set<Flow>());
  readonly #stop: () => void;
  readonly #onIdle: (flow: Flow) => void;
  #tick = 0;
  #size = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(options: { readonly clock: Clock; readonly onIdle: (flow: Flow) => void }) {
    this.#onIdle = options.onIdle;
    this.#stop = options.clock.every(TICK_MS, () => this.#turn());
  }

  get size(): number {
    return this.#size;
  }

  add(flow: Flow): void {
    this.#size++;
    this.#schedule(flow);
  }

  remove(flow: Flow): void {
    if (flow.bucket < 0) return;
    this.#buckets[flow.bucket]?.delete(flow);
    flow.bucket = -1;
    this.#size--;
    if (this.#size === 0) this.#whenEmpty?.();
  }

  *[Symbol.iterator](): Iterator<Flow> {
    for (const bucket of this.#buckets) yield* bucket;
  }

  /** Resolves when no flow is left, or after `timeoutMs` with how many are. */
  drained({ clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }): Promise<number> {
    if (this.#size === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => {
        this.#whenEmpty = undefined;
        resolve(this.#size);
      });
      this.#whenEmpty = () => {
        this.#whenEmpty = undefined;
        cancel();
        resolve(0);
      };
    });
  }

  stop(): void {
    this.#stop();
  }

  #schedule(flow: Flow): void {
    const ticks = Math.max(1, Math.ceil(flow.facts.idleMs / LOOKS / TICK_MS));
    flow.bucket = (this.#tick + Math.min(ticks, BUCKETS - 1)) % BUCKETS;
    this.#buckets[flow.bucket]?.add(flow);
  }

  #turn(): void {
    this.#tick++;
    const bucket = this.#buckets[this.#tick % BUCKETS];
    if (bucket === undefined || bucket.size === 0) return;
    const due = [...bucket];
    bucket.clear();
    for (const flow of due) this.#look(flow);
  }

  #look(flow: Flow): void {
    const bytes = flow.deliveredBytes;
    if (bytes === flow.seenBytes) flow.quietLooks++;
    else {
      flow.seenBytes = bytes;
      flow.quietLooks = 0;
    }
    // Idle times past the wheel's horizon need as many looks as fit into them.
    const looks = Math.max(LOOKS, Math.floor(flow.facts.idleMs / (TICK_MS * (BUCKETS - 1))));
    this.#schedule(flow);
    if (flow.quietLooks >= looks) this.#onIdle(flow);
  }
}

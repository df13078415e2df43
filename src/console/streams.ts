import type { Clock } from "#core/clock.ts";
import type { Visitor } from "./access.ts";

interface Open {
  readonly visitor: string;
  end(): void;
}

/** Bounds how many answers stream at once, and ends those of a session with it. */
export class Streams {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #open = new Set<Open>();

  constructor(options: { readonly clock: Clock; readonly max: number }) {
    this.#clock = options.clock;
    this.#max = options.max;
  }

  get size(): number {
    return this.#open.size;
  }

  get full(): boolean {
    return this.#open.size >= this.#max;
  }

  /** The answer, counted for as long as it goes on. */
  count(response: Response, { id, endsAtMs }: Visitor): Response {
    if (response.body === null) return response;
    const reader = response.body.getReader();
    let over = false;
    let cancelTimer: (() => void) | undefined;
    const done = (): void => {
      over = true;
      cancelTimer?.();
      this.#open.delete(entry);
    };
    const entry: Open = {
      visitor: id,
      end: () => {
        done();
        void reader.cancel().catch(() => {});
      },
    };
    this.#open.add(entry);
    if (Number.isFinite(endsAtMs))
      cancelTimer = this.#clock.after(endsAtMs - this.#clock.monotonicMs(), () => entry.end());
    const body = new ReadableStream({
      async pull(controller) {
        try {
          const { value, done: ended } = await reader.read();
          if (value !== undefined) controller.enqueue(value);
          if (!ended) return;
        } catch {
          // What broke has ended.
        }
        if (!over) done();
        controller.close();
      },
      cancel: () => entry.end(),
    });
    return new Response(body, { status: response.status, headers: response.headers });
  }

  /** Ends those of one visitor, or all. */
  end(visitor?: string): void {
    for (const one of this.#open) if (visitor === undefined || one.visitor === visitor) one.end();
  }
}

import type { Clock } from "#core/clock.ts";

/** Runs a job that is asked for often: many calls of one turn are one run, and a job that takes long gets no more than half of the time. */
export class Pace {
  readonly #clock: Clock;
  readonly #job: () => void;
  #scheduled = false;
  #againMs = 0;

  constructor(clock: Clock, job: () => void) {
    this.#clock = clock;
    this.#job = job;
  }

  /** Before it returns when it may, else as soon as it may. */
  now(): void {
    if (this.#clock.monotonicMs() < this.#againMs) this.soon();
    else this.#run();
  }

  /** In the next turn, or as soon as it may. */
  soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.after(Math.max(0, this.#againMs - this.#clock.monotonicMs()), () => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    const startMs = this.#clock.monotonicMs();
    this.#job();
    this.#againMs = 2 * this.#clock.monotonicMs() - startMs;
  }
}

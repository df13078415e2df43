/**
 * Runs what is planned at the end of this turn of the event loop: one immediate for all connections, however many of them
 * have something to send.
 */
export class EndOfTurn {
  #planned: (() => void)[] = [];
  #spare: (() => void)[] = [];

  readonly plan = (fn: () => void): void => {
    if (this.#planned.length === 0) setImmediate(this.#run);
    this.#planned.push(fn);
  };

  /** What is planned meanwhile has its own turn. */
  readonly #run = (): void => {
    const now = this.#planned;
    this.#planned = this.#spare;
    let done = 0;
    try {
      while (done < now.length) (now[done++] as () => void)();
    } finally {
      for (let i = done; i < now.length; i++) this.plan(now[i] as () => void);
      now.length = 0;
      this.#spare = now;
    }
  };
}

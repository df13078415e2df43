const ENDS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"] as const;

/**
 * Aborted when the user ends a command that goes on until then (Ctrl-C), or nobody reads it any more. Once more, and the process ends
 * at once. With `using`, what is signalled afterwards is not its affair.
 */
export class UntilEnded implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#controller.signal.aborted && name === "SIGINT") process.exit(130);
    this.#controller.abort();
  };
  /** A closed pipe is told as an error of the stream, too. */
  readonly #onError = (): void => this.#controller.abort();

  constructor() {
    for (const name of ENDS) process.on(name, this.#onSignal);
    process.stdout.on("error", this.#onError);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const name of ENDS) process.off(name, this.#onSignal);
    process.stdout.off("error", this.#onError);
  }
}

/** Waits, or until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

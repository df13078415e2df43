import { SilentExit } from "../report-error.ts";

const EXIT_CODES = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  // Nobody reads the story any more.
  ["SIGPIPE", 141],
] as const;
type Signal = (typeof EXIT_CODES)[number][0];

/**
 * Turns Ctrl-C and its like into an abort, so that everything under way stops and the demo can take down what it
 * started. A second one ends the process at once; `onImpatience` has the last word.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Signal, () => void>();

  constructor(onImpatience: () => void) {
    for (const [name, exitCode] of EXIT_CODES) {
      const handler = (): void => {
        // Each further line to the closed pipe raises it again.
        if (this.#controller.signal.aborted && name === "SIGPIPE") return;
        if (this.#controller.signal.aborted) {
          onImpatience();
          process.exit(exitCode);
        }
        this.#controller.abort(new SilentExit(exitCode));
      };
      this.#handlers.set(name, handler);
      process.on(name, handler);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
  }
}

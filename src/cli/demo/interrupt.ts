import { SilentExit } from "../report-error.ts";

const EXIT_CODES = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  // Nobody reads the story any more.
  ["SIGPIPE", 141],
] as const;
/** Signals so close together are one wish. */
const SAME_MS = 500;
type Signal = (typeof EXIT_CODES)[number][0];

/**
 * Turns Ctrl-C and its like into an abort, so that everything under way stops and the demo can take down what it
 * started. A second one ends the process at once; `onImpatience` has the last word.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Signal, () => void>();

  constructor(onImpatience: () => void) {
    let abortedAtMs = 0;
    for (const [name, exitCode] of EXIT_CODES) {
      const handler = (): void => {
        if (this.#controller.signal.aborted) {
          // Each further line to the closed pipe raises SIGPIPE again; and who signals a process group and its leader
          // (GNU timeout) means it once.
          if (name === "SIGPIPE" || performance.now() - abortedAtMs < SAME_MS) return;
          onImpatience();
          process.exit(exitCode);
        }
        abortedAtMs = performance.now();
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

import { SilentExit } from "../report-error.ts";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof EXIT_CODES;

/**
 * Turns Ctrl-C and its like into an abort, so that everything under way stops and the demo can take down what it
 * started. A second one ends the process at once; `onImpatience` has the last word.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Signal, () => void>();

  constructor(onImpatience: () => void) {
    for (const name of Object.keys(EXIT_CODES) as Signal[]) {
      const handler = (): void => {
        if (this.#controller.signal.aborted) {
          onImpatience();
          process.exit(EXIT_CODES[name]);
        }
        this.#controller.abort(new SilentExit(EXIT_CODES[name]));
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

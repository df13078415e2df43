import { FIRST_LISTENER_PORT, LAST_LISTENER_PORT } from "../names.ts";

/**
 * Hands out router listener ports for imported services. It goes on after the last one that it gave and wraps around, so
 * a port that was just given back is not used for another service while some router still listens on it for the old.
 */
export class ListenerPorts {
  #next: number;
  readonly #first: number;
  readonly #last: number;

  constructor(options: { readonly first?: number; readonly last?: number } = {}) {
    this.#first = options.first ?? FIRST_LISTENER_PORT;
    this.#last = options.last ?? LAST_LISTENER_PORT;
    this.#next = this.#first;
  }

  /** A port that is not in `used`; undefined when all are taken. */
  allocate(used: ReadonlySet<number>): number | undefined {
    const size = this.#last - this.#first + 1;
    for (let tried = 0; tried < size; tried++) {
      const port = this.#next;
      this.#next = port === this.#last ? this.#first : port + 1;
      if (!used.has(port)) return port;
    }
    return undefined;
  }

  /** Goes on behind `port`, which was given before this process started. */
  continueAfter(port: number): void {
    if (port >= this.#next && port <= this.#last) this.#next = port === this.#last ? this.#first : port + 1;
  }
}

import type { LinkStream, StreamHandler, StreamOpen } from "./types.ts";

/** A stream that no lane could take: its handler is told REFUSED soon, unless its owner resets it before. */
export class RefusedStream implements LinkStream {
  handler: StreamHandler;
  readonly open: StreamOpen;
  readonly draining = true;
  #over = false;

  constructor(
    open: StreamOpen,
    options: { handler: StreamHandler; reason: string; soon: (fn: () => void) => void },
  ) {
    this.open = open;
    this.handler = options.handler;
    options.soon(() => {
      if (this.#over) return;
      this.#over = true;
      this.handler.onReset("REFUSED", options.reason);
    });
  }

  write(): boolean {
    return false;
  }

  give(): boolean {
    return false;
  }

  fin(): void {}

  reset(): void {
    this.#over = true;
  }

  consumed(): void {}
}

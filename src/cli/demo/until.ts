import { IsthmusError } from "#core/errors.ts";

/** How long a story waits for something to become so. */
export const UNTIL_MS = 60_000;
const PERIOD_MS = 50;

export interface UntilOptions<T> {
  /** Looks once; undefined is not yet. */
  readonly look: () => Promise<T | undefined>;
  /** Next command when it takes too long. */
  readonly hint: string;
  readonly signal: AbortSignal;
  /** [60 s] */
  readonly timeoutMs?: number;
}

/** Looks each 50 ms until it is so. Throws TIMEOUT that says for what it waited. */
export async function until<T>(what: string, options: UntilOptions<T>): Promise<T> {
  const { look, hint, signal, timeoutMs = UNTIL_MS } = options;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > endMs) {
      throw new IsthmusError("TIMEOUT", `Waited ${timeoutMs / 1000} s for ${what}`, { hint });
    }
    // oxlint-disable-next-line no-await-in-loop
    await Bun.sleep(PERIOD_MS);
  }
}

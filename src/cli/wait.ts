import { type Clock, systemClock } from "#core/clock.ts";
import { formatAge } from "#core/duration.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Progress } from "./output/progress.ts";

/** How far it is: the awaited thing, or why not yet. */
export type Waited<T> = { readonly done: T } | { readonly pending: string };

export interface WaitInput<T> {
  /** `site "c1" to be ready`; starts the progress line and the message of the error. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly progress: Progress;
  /** Looks once. What it throws ends the waiting, except an API server that is away for a moment. */
  readonly look: () => Promise<Waited<T>>;
  /** Next command after a time-out. */
  readonly hint: string;
  readonly clock?: Clock;
}

const FIRST_PERIOD_MS = 100;
const LAST_PERIOD_MS = 500;

/** Looks again and again until it is done. Throws TIMEOUT with the last reason. */
export async function waitUntil<T>(input: WaitInput<T>): Promise<T> {
  const clock = input.clock ?? systemClock;
  const begin = clock.monotonicMs();
  let reason = "";
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const looked = await lookOnce(input);
      if ("done" in looked) return looked.done;
      reason = looked.pending;
      input.progress.say(
        reason === "" ? `Waiting for ${input.what}` : `Waiting for ${input.what}: ${reason}`,
      );
      const elapsedMs = clock.monotonicMs() - begin;
      if (elapsedMs >= input.timeoutMs) break;
      const periodMs = Math.min(
        LAST_PERIOD_MS,
        Math.max(FIRST_PERIOD_MS, elapsedMs / 20),
        input.timeoutMs - elapsedMs,
      );
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => setTimeout(resolve, periodMs));
    }
  } finally {
    input.progress.end();
  }
  const why = reason === "" ? "" : `: ${reason}`;
  throw new IsthmusError("TIMEOUT", `Waited ${formatAge(input.timeoutMs)} for ${input.what}${why}`, {
    hint: input.hint,
  });
}

async function lookOnce<T>(input: WaitInput<T>): Promise<Waited<T>> {
  try {
    return await input.look();
  } catch (error) {
    if (error instanceof IsthmusError && error.retryable) return { pending: error.message };
    throw error;
  }
}

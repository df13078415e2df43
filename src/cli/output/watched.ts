import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";
import { Live } from "./live.ts";
import { formatObjects } from "./objects.ts";
import { pause, UntilEnded } from "./until-ended.ts";

export interface Watched<T extends object> {
  /** Looks once. */
  readonly look: () => Promise<T>;
  readonly text: (seen: T) => string;
  /** `json`: one object a line; `yaml`: one document; anything else: the text. */
  readonly output?: string | undefined;
  /** Ends it; [Ctrl-C]. */
  readonly signal?: AbortSignal;
  /** Between two looks, ms [1000]. */
  readonly periodMs?: number;
}

const PERIOD_MS = 1000;

/**
 * Looks each second and shows what changed, until it is ended; on a terminal over what was shown before. A first look that fails is
 * an error; later an API server that is away for a moment only holds the view as it is.
 */
export async function showWatched<T extends object>(watched: Watched<T>, { io }: Session): Promise<void> {
  const { look, text, output, periodMs = PERIOD_MS } = watched;
  using ended = new UntilEnded();
  const signal = watched.signal ?? ended.signal;
  using live = new Live(io);
  let shown = "";
  for (let first = true; !signal.aborted; first = false) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const seen = await look();
      const next = JSON.stringify(seen);
      if (next !== shown) {
        if (output === "json") io.out(`${next}\n`);
        else if (output === "yaml") io.out(`${first ? "" : "---\n"}${formatObjects([seen], "yaml")}`);
        else live.frame(text(seen));
        shown = next;
      }
    } catch (error) {
      if (first || !(error instanceof IsthmusError && error.retryable)) throw error;
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(periodMs, signal);
  }
}

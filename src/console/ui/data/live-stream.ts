import { EventParser } from "../domain/event-stream.ts";
import { type ApiError, errorOf, unreachable } from "./api.ts";

/** The other side says something at least each 10 s; after so much silence the connection is taken for dead. */
export const SILENCE_MS = 15_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

export type LiveState =
  | { readonly kind: "connecting" | "live" | "resting" }
  | { readonly kind: "reconnecting"; readonly nextMs: number }
  /** Refused with a reason that trying again at once does not cure; it is tried again all the same. */
  | { readonly kind: "refused"; readonly nextMs: number; readonly error: ApiError };

export interface LiveStreamOptions {
  readonly url: string;
  readonly onEvent: (event: string, data: unknown) => void;
  readonly onState: (state: LiveState) => void;
}

/**
 * A stream of server-sent events that comes back: with back-off after a failure, at once when the network or the page is back. By `fetch`
 * and not by EventSource, which hides the comments that say that the other side is alive, and the body of a refusal.
 */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #open = false;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#options.onState({ kind: "connecting" });
    void this.#run();
  }

  close(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = undefined;
  }

  /** Nobody looks: frees the connection until `open`. */
  rest(): void {
    this.close();
    this.#options.onState({ kind: "resting" });
  }

  /** Does not wait for the next try. */
  hurry(): void {
    if (!this.#open || this.#abort !== undefined) return;
    clearTimeout(this.#timer);
    void this.#run();
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    let error: ApiError | undefined;
    try {
      error = await this.#read(abort);
    } catch (reason) {
      error = unreachable(reason);
    }
    if (this.#abort !== abort) return;
    abort.abort();
    this.#abort = undefined;
    if (!this.#open) return;
    this.#failures++;
    const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    const nextMs = Date.now() + waitMs;
    if (error !== undefined && error.status > 0) this.#options.onState({ kind: "refused", nextMs, error });
    else this.#options.onState({ kind: "reconnecting", nextMs });
    this.#timer = setTimeout(() => void this.#run(), waitMs);
  }

  async #read(abort: AbortController): Promise<ApiError | undefined> {
    const { url, onEvent, onState } = this.#options;
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const response = await fetch(url, {
        headers: { accept: "text/event-stream" },
        cache: "no-store",
        signal: abort.signal,
      });
      if (!response.ok || response.body === null) return await errorOf(response);
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#abort !== abort) return undefined;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        if (this.#failures > 0) this.#failures = 0;
        onState({ kind: "live" });
        for (const { event, data } of parser.push(value)) onEvent(event, JSON.parse(data));
      }
    } finally {
      clearTimeout(silence);
    }
  }
}

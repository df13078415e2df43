import { messageOf } from "#core/errors.ts";
import type { Narrator } from "../narrator.ts";

/** One step of the story, as `isthmus demo traffic -o json` gives it. */
export interface ActResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, or what is not as promised. */
  readonly detail: string;
}

/** Something is not as it was promised; the story goes on. */
export class Unexpected extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Unexpected";
  }
}

/** Plays the steps one after another and keeps what became of them. */
export class Acts {
  readonly results: ActResult[] = [];
  readonly #narrator: Narrator;
  readonly #signal: AbortSignal;
  #ended = false;

  constructor(narrator: Narrator, signal: AbortSignal) {
    this.#narrator = narrator;
    this.#signal = signal;
  }

  get ok(): boolean {
    return this.results.every(({ ok }) => ok);
  }

  /**
   * Plays one step: its promise is what it gives, or a sentence about what is not so (`Unexpected`). Anything else
   * that goes wrong ends the story, since what follows needs it: later steps are not played.
   */
  async play(name: string, act: () => Promise<string>): Promise<void> {
    if (this.#ended) return;
    this.#narrator.heading(name);
    try {
      this.#keep({ name, ok: true, detail: await act() });
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#keep({ name, ok: false, detail: messageOf(error) });
      this.#ended = !(error instanceof Unexpected);
    }
  }

  #keep(result: ActResult): void {
    const { style } = this.#narrator;
    this.results.push(result);
    this.#narrator.gap();
    this.#narrator.block(`${result.ok ? style.good("✓") : style.bad("✗")} ${result.detail}`);
  }
}

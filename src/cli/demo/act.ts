import { messageOf } from "#core/errors.ts";
import type { Io } from "../io.ts";
import type { Narrator } from "./narrator.ts";

/** One step of a story, as `-o json` gives it. */
export interface ActResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, or what is not as promised. */
  readonly detail: string;
}

/** What `isthmus demo traffic -o json` and `isthmus demo discovery -o json` print. */
interface StoryResult {
  readonly steps: readonly ActResult[];
  readonly ok: boolean;
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

  /** Says what became of each step, and `stay`, the commands to look around with where the clusters stay. */
  end(io: Io, { json, stay }: { readonly json: boolean; readonly stay: readonly string[] }): void {
    const result: StoryResult = { steps: this.results, ok: this.ok };
    if (json) io.out(`${JSON.stringify(result, undefined, 2)}\n`);
    this.#narrator.heading("Summary");
    for (const { name, ok } of this.results) this.#narrator.block(`${this.#mark(ok)} ${name}`);
    if (stay.length === 0) return;
    this.#narrator.heading("The clusters stay. Look around:");
    for (const command of stay) this.#narrator.command(command);
  }

  #keep(result: ActResult): void {
    this.results.push(result);
    this.#narrator.gap();
    this.#narrator.block(`${this.#mark(result.ok)} ${result.detail}`);
  }

  #mark(ok: boolean): string {
    const { style } = this.#narrator;
    return ok ? style.good("✓") : style.bad("✗");
  }
}

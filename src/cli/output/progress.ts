import { type Clock, systemClock } from "#core/clock.ts";
import type { Io } from "../io.ts";
import { styleFor } from "./style.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SHOW_AFTER_MS = 300;
const FRAME_MS = 100;

/**
 * Says on standard error what is being waited for. On a terminal one line that moves and goes away; elsewhere one
 * line per text, once it takes longer than a moment.
 */
export class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  #text = "";
  #said = "";
  #frame = 0;
  #shown = false;
  #cancel: (() => void) | undefined;

  constructor(io: Io, clock: Clock = systemClock) {
    this.#io = io;
    this.#clock = clock;
  }

  /** Sets what is being waited for, for instance `Waiting for the site: router is starting`. */
  say(text: string): void {
    this.#text = text;
    if (this.#cancel === undefined) this.#cancel = this.#clock.after(SHOW_AFTER_MS, () => this.#begin());
    else if (this.#shown) this.#draw();
  }

  /** Takes the moving line away. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#shown && this.#io.errIsTerminal) this.#io.err("\r\u001b[K");
    this.#shown = false;
  }

  #begin(): void {
    this.#shown = true;
    this.#draw();
    if (this.#io.errIsTerminal) this.#cancel = this.#clock.every(FRAME_MS, () => this.#draw());
  }

  #draw(): void {
    if (!this.#io.errIsTerminal) {
      if (this.#said !== this.#text) this.#io.err(`${this.#text}\n`);
      this.#said = this.#text;
      return;
    }
    const style = styleFor(this.#io, "err");
    const text = this.#text.slice(0, Math.max(10, this.#io.columns - 4));
    this.#io.err(`\r\u001b[K${style.accent(FRAMES[this.#frame++ % FRAMES.length] ?? "")} ${text}`);
  }
}

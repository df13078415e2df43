import type { Io } from "../io.ts";
import { fit } from "./fit.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** Terminals that know it show all between at once; others skip it. */
const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CLEAR_SCREEN = "\u001b[2J\u001b[H";

/**
 * A view that changes, drawn over itself on a terminal: each frame replaces the one before line by line, so that nothing flickers,
 * and the last one stays when it ends. Lines are cut at the terminal's width and frames at its height. In a pipe frames follow each other.
 */
export class Live implements Disposable {
  readonly #io: Io;
  /** Lines that the last frame took. */
  #lines = 0;
  #size = "";
  #drawn = false;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Draws a frame; each of its lines ends with a line feed. */
  frame(text: string): void {
    const io = this.#io;
    if (!io.outIsTerminal) {
      io.out(this.#drawn ? `\n${text}` : text);
      this.#drawn = true;
      return;
    }
    const { columns, rows } = sizeOf(io);
    const size = `${columns} ${rows}`;
    const all = text.replace(/\n$/, "").split("\n");
    // The last row stays free for the cursor.
    const fits = Math.max(1, rows - 1);
    const lines =
      all.length <= fits ? all : [...all.slice(0, fits - 1), `… ${all.length - fits + 1} more lines`];
    // Of another width the old lines may have been broken: nobody knows where they are now.
    const home = !this.#drawn ? HIDE_CURSOR : size === this.#size ? up(this.#lines) : CLEAR_SCREEN;
    const body = lines.map((line) => `${fit(line, columns)}${CLEAR_LINE}\n`).join("");
    io.out(`${BEGIN}${home}${body}${CLEAR_BELOW}${END}`);
    this.#size = size;
    this.#lines = lines.length;
    this.#drawn = true;
  }

  [Symbol.dispose](): void {
    if (this.#drawn && this.#io.outIsTerminal) this.#io.out(`\r${CLEAR_LINE}${SHOW_CURSOR}`);
    this.#drawn = false;
  }
}

/** Of the terminal now; where there is none, as wide as `columns` says and without end. */
export function sizeOf(io: Io): { readonly columns: number; readonly rows: number } {
  return io.size?.() ?? { columns: io.columns, rows: Number.POSITIVE_INFINITY };
}

function up(lines: number): string {
  return `\r\u001b[${lines}A`;
}

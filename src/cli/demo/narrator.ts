import type { Io } from "../io.ts";
import { Progress } from "../output/progress.ts";
import { type Style, styleFor } from "../output/style.ts";

/** Tells the story of the demo: on standard output, or on standard error when that is kept for the results. */
export class Narrator {
  readonly style: Style;
  readonly #progress: Progress | undefined;
  readonly #write: (text: string) => void;

  constructor(io: Io, stream: "out" | "err") {
    this.style = styleFor(io, stream);
    // In a pipe nobody waits for the next line.
    this.#progress = io.errIsTerminal ? new Progress(io) : undefined;
    this.#write = (text) => (stream === "out" ? io.out(text) : io.err(text));
  }

  heading(text: string): void {
    this.#write(`\n${this.style.bold(text)}\n\n`);
  }

  /** Shows on a terminal that something is at work while `work` is. */
  async during<T>(what: string, work: Promise<T>): Promise<T> {
    this.#progress?.say(what);
    try {
      return await work;
    } finally {
      this.#progress?.end();
    }
  }

  /** A sentence to the reader. */
  say(text: string): void {
    this.#write(`  ${text}\n`);
  }

  /** A command as one would type it. */
  command(line: string): void {
    this.#write(`  ${this.style.accent("$")} ${line}\n`);
  }

  /** What a command printed. */
  output(text: string): void {
    if (text.trim() === "") return;
    for (const line of text.trimEnd().split("\n")) {
      this.#write(line === "" ? "\n" : `  ${this.style.dim(line)}\n`);
    }
  }

  /** Lines as they are, indented. */
  block(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.#write(line === "" ? "\n" : `  ${line}\n`);
  }

  gap(): void {
    this.#write("\n");
  }
}

import type { Io } from "../io.ts";

/** An Io that keeps what was written, for tests. */
export class MemoryIo implements Io {
  stdout = "";
  stderr = "";
  readonly env: Record<string, string | undefined>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly columns = 100;
  /** What `size` gives; a test may change it. */
  terminalSize: { columns: number; rows: number } | undefined;
  readonly #input: string;

  constructor(
    options: {
      env?: Record<string, string>;
      terminal?: boolean;
      input?: string;
      size?: { columns: number; rows: number };
    } = {},
  ) {
    this.env = options.env ?? {};
    this.outIsTerminal = options.terminal ?? false;
    this.errIsTerminal = options.terminal ?? false;
    this.#input = options.input ?? "";
    this.terminalSize = options.size;
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  size(): { columns: number; rows: number } | undefined {
    return this.terminalSize;
  }

  readInput(): Promise<string> {
    return Promise.resolve(this.#input);
  }
}

import type { Io } from "../io.ts";

/** An Io that keeps what was written, for tests. */
export class MemoryIo implements Io {
  stdout = "";
  stderr = "";
  readonly env: Record<string, string | undefined>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly columns = 100;
  readonly #input: string;

  constructor(options: { env?: Record<string, string>; terminal?: boolean; input?: string } = {}) {
    this.env = options.env ?? {};
    this.outIsTerminal = options.terminal ?? false;
    this.errIsTerminal = options.terminal ?? false;
    this.#input = options.input ?? "";
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  readInput(): Promise<string> {
    return Promise.resolve(this.#input);
  }
}

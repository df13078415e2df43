import { isatty } from "node:tty";

/** Where a command reads and writes: results on `out`, progress and errors on `err`. Given in, so that tests see both. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** All of standard input as text. */
  readInput(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Width of the terminal; 100 when there is none. */
  readonly columns: number;
  /** Of the terminal on `out`, as it is now; absent or undefined where there is none. */
  size?(): { readonly columns: number; readonly rows: number } | undefined;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  readInput: () => Bun.stdin.text(),
  env: process.env,
  outIsTerminal: isatty(1),
  errIsTerminal: isatty(2),
  columns: process.stdout.columns ?? 100,
  size: () => {
    const { columns, rows } = process.stdout;
    return columns === undefined || rows === undefined ? undefined : { columns, rows };
  },
};

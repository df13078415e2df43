import type { Io } from "../io.ts";

type Paint = (text: string) => string;

/** The few colours there are. Each is the identity where colour is not wanted. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly accent: Paint;
}

const PLAIN: Style = { bold: same, dim: same, good: same, bad: same, warn: same, accent: same };

const COLOURED: Style = {
  bold: code(1, 22),
  dim: code(2, 22),
  good: code(32, 39),
  bad: code(31, 39),
  warn: code(33, 39),
  accent: code(36, 39),
};

/** Colours only on a terminal that can show them, and never with NO_COLOR (no-color.org: set and not empty). */
export function styleFor(io: Io, stream: "out" | "err"): Style {
  const terminal = stream === "out" ? io.outIsTerminal : io.errIsTerminal;
  const noColor = (io.env["NO_COLOR"] ?? "") !== "" || io.env["TERM"] === "dumb";
  return terminal && !noColor ? COLOURED : PLAIN;
}

function same(text: string): string {
  return text;
}

function code(on: number, off: number): Paint {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}

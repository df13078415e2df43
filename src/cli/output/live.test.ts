import { expect, test } from "bun:test";
import { MemoryIo } from "../testing/memory-io.ts";
import { fit } from "./fit.ts";
import { Live } from "./live.ts";

/** What a terminal of that size shows after all that was written to it; wraps long lines as terminals do. */
function screenOf(written: string, columns: number): string[] {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  const put = (character: string): void => {
    const line = (rows[row] ?? "").padEnd(column);
    rows[row] = line.slice(0, column) + character + line.slice(column + 1);
    column++;
    if (column > columns) throw new Error(`A line is wider than ${columns} columns`);
  };
  // oxlint-disable-next-line no-control-regex
  for (const [token] of written.matchAll(/\u001b\[[?0-9;]*[a-zA-Z]|[\s\S]/gu)) {
    // oxlint-disable-next-line no-control-regex
    const up = /^\u001b\[(\d+)A$/.exec(token);
    if (up !== null) row -= Number(up[1]);
    else if (token === "\u001b[K") rows[row] = (rows[row] ?? "").slice(0, column);
    else if (token === "\u001b[J") {
      rows.length = row + 1;
      rows[row] = (rows[row] ?? "").slice(0, column);
    } else if (token === "\u001b[2J") rows.length = 0;
    else if (token === "\u001b[H") row = column = 0;
    else if (token === "\r") column = 0;
    else if (token === "\n") {
      row++;
      column = 0;
      rows[row] ??= "";
    } else if (!token.startsWith("\u001b")) put(token);
  }
  return rows.map((line) => line.trimEnd());
}

test("a frame takes the place of the one before, also when it is shorter, and the last one stays", () => {
  const io = new MemoryIo({ terminal: true, size: { columns: 40, rows: 10 } });
  using live = new Live(io);
  live.frame("NAME   RPS\nweb    10\ndb     20\n");
  live.frame("NAME   RPS\nweb    9\n");
  expect(screenOf(io.stdout, 40)).toEqual(["NAME   RPS", "web    9", ""]);
  live[Symbol.dispose]();
  expect(io.stdout.endsWith("\u001b[?25h")).toBe(true);
});

test("a narrow and low terminal gets what fits, and never a broken line", () => {
  const io = new MemoryIo({ terminal: true, size: { columns: 8, rows: 4 } });
  const live = new Live(io);
  live.frame("one two three\n\u001b[32mgreen and more\u001b[39m\nc\nd\ne\n");
  expect(screenOf(io.stdout, 8)).toEqual(["one two…", "green a…", "… 3 mor…", ""]);
  io.terminalSize = { columns: 30, rows: 8 };
  live.frame("one two three\n");
  expect(screenOf(io.stdout, 30)).toEqual(["one two three", ""]);
});

test("in a pipe frames follow each other, without a code of a terminal", () => {
  const io = new MemoryIo();
  using live = new Live(io);
  live.frame("a\n");
  live.frame("b\n");
  expect(io.stdout).toBe("a\n\nb\n");
});

test("a text that fits is left alone; one that does not ends in its last column", () => {
  expect(fit("abc", 3)).toBe("abc");
  expect(fit("abcd", 3)).toBe("ab…");
  expect(fit("日本語", 4)).toBe("日…");
  expect(fit("\u001b[31mabcd\u001b[39m", 3)).toBe("\u001b[31mab\u001b[0m…");
});

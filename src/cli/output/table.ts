/**
 * Lays rows out as kubectl does: columns as wide as their widest cell, three spaces between, nothing after the last
 * one. Widths are counted without colour codes. Empty cells become `<none>`.
 */
export function formatTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [columns, ...rows.map((row) => row.map((cell) => (cell === "" ? "<none>" : cell)))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => visibleWidth(line[index] ?? ""))));
  return lines
    .map((line) =>
      line
        .map((cell, index) => padEnd(cell, (widths[index] ?? 0) + GAP))
        .join("")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

const GAP = 3;

/** Columns that the text takes in a terminal. */
export function visibleWidth(text: string): number {
  return Bun.stringWidth(text);
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - visibleWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - visibleWidth(text))) + text;
}

import { padEnd, padStart, visibleWidth } from "./table.ts";

export interface Column<T> {
  readonly title: string;
  /** May be coloured. */
  readonly cell: (row: T) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Room that it takes at least, so that a table that changes stands still. */
  readonly least?: number;
  /** On a narrow terminal the column with the highest goes first; one without any stays. */
  readonly goes?: number;
}

const GAP = "   ";

/**
 * A table that fits: columns go, one after the other, until the lines are no wider than `width`. What is then still too wide is cut by
 * who draws it.
 */
export function fitTable<T>(columns: readonly Column<T>[], rows: readonly T[], width = Infinity): string {
  const laid = columns.map((column) => {
    const cells = rows.map(column.cell);
    const wide = Math.max(column.least ?? 0, visibleWidth(column.title), ...cells.map(visibleWidth));
    return { column, cells, wide };
  });
  while (lineWidth(laid) > width) {
    const last = laid.filter(({ column }) => column.goes !== undefined).toSorted(byGoing)[0];
    if (last === undefined) break;
    laid.splice(laid.indexOf(last), 1);
  }
  const line = (texts: readonly string[]): string =>
    `${texts
      .map((text, index) => {
        const { column, wide } = laid[index] ?? { column: undefined, wide: 0 };
        return column?.right === true ? padStart(text, wide) : padEnd(text, wide);
      })
      .join(GAP)
      .trimEnd()}\n`;
  const body = rows.map((_, row) => line(laid.map(({ cells }) => cells[row] ?? "")));
  return line(laid.map(({ column }) => column.title)) + body.join("");
}

function lineWidth(laid: readonly { readonly wide: number }[]): number {
  return laid.reduce((sum, { wide }) => sum + wide + GAP.length, -GAP.length);
}

function byGoing<T>(a: { readonly column: Column<T> }, b: { readonly column: Column<T> }): number {
  return (b.column.goes ?? 0) - (a.column.goes ?? 0);
}

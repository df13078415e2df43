/** One cell of a table: the first of a row is its label. */
export function cell(text: string, index: number): string {
  return index === 0 ? text.padEnd(22) : text.padStart(12);
}

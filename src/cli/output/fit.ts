import { visibleWidth } from "./table.ts";

// oxlint-disable-next-line no-control-regex -- what terminals take as colour
const COLOUR = /(\u001b\[[0-9;]*m)/;
const PLAIN = "\u001b[0m";

/** The text within so many columns of a terminal; what is cut off is told by its last column. Colours take no room, and end with it. */
export function fit(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  const room = Math.max(0, columns - 1);
  let width = 0;
  let kept = "";
  let coloured = false;
  for (const part of text.split(COLOUR)) {
    if (COLOUR.test(part)) {
      kept += part;
      coloured = true;
      continue;
    }
    for (const character of part) {
      const next = width + visibleWidth(character);
      if (next > room) return `${kept}${coloured ? PLAIN : ""}${columns > 0 ? "…" : ""}`;
      width = next;
      kept += character;
    }
  }
  return kept;
}

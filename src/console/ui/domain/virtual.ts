/** Which rows of a long table are drawn: those in sight and a few around them. */
export function rowsInSight(options: {
  readonly scrollTop: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly count: number;
  readonly around?: number;
}): { readonly from: number; readonly to: number } {
  const { scrollTop, height, rowHeight, count, around = 6 } = options;
  const first = Math.floor(scrollTop / rowHeight);
  const last = Math.ceil((scrollTop + height) / rowHeight);
  return { from: Math.max(0, Math.min(count, first) - around), to: Math.min(count, last + around) };
}

/** Where to scroll so that a row is in sight; undefined when it is. */
export function scrollTo(options: {
  readonly index: number;
  readonly scrollTop: number;
  readonly height: number;
  readonly rowHeight: number;
}): number | undefined {
  const { index, scrollTop, height, rowHeight } = options;
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return undefined;
}

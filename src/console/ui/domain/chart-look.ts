/** A colour laid over another: what `alpha` of it would look like, without letting what is below shine through. */
export function paint(colour: string, options: { readonly over: string; readonly alpha: number }): string {
  const [front, back] = [channels(colour), channels(options.over)];
  const mixed = front.map((value, index) =>
    Math.round(value * options.alpha + (back[index] ?? 0) * (1 - options.alpha)),
  );
  return `rgb(${mixed.join(" ")})`;
}

export function withAlpha(colour: string, alpha: number): string {
  return `rgb(${channels(colour).join(" ")} / ${alpha})`;
}

/** How strong the fill of the n-th pod of a site is, so that neighbours differ. */
export function podAlpha(nth: number): number {
  return [0.92, 0.68, 0.5, 0.8, 0.58][nth % 5] ?? 0.8;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export function gapsWithin(gaps: readonly Span[], range: Span): Span[] {
  return gaps
    .map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) }))
    .filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** Of `rgb(r, g, b)`, as browsers compute colours; grey for what is none. */
function channels(colour: string): number[] {
  const [, ...found] = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour) ?? ["", 128, 128, 128];
  return found.map(Number);
}

export interface Place {
  readonly name: string;
  readonly kind: string;
  readonly href: string;
}

/** Places whose name has the letters in this order; those that have them together and early come first. */
export function findPlaces(places: readonly Place[], text: string): Place[] {
  const wanted = text.toLowerCase().replaceAll(/\s+/g, "");
  if (wanted === "") return [...places];
  const found: { place: Place; distance: number }[] = [];
  for (const place of places) {
    const distance = distanceOf(place.name.toLowerCase(), wanted);
    if (distance !== undefined) found.push({ place, distance });
  }
  return found.toSorted((a, b) => a.distance - b.distance).map(({ place }) => place);
}

function distanceOf(name: string, wanted: string): number | undefined {
  const whole = name.indexOf(wanted);
  if (whole >= 0) {
    const begins = whole === 0 || name[whole - 1] === "/" || name[whole - 1] === "-";
    return (begins ? 0 : 10) + name.length / 100;
  }
  let at = -1;
  let gaps = 0;
  for (const letter of wanted) {
    const next = name.indexOf(letter, at + 1);
    if (next < 0) return undefined;
    gaps += next - at - 1;
    at = next;
  }
  return 100 + gaps + name.length / 100;
}

/* Sites are counted from 0, named from c1, and their ids say both. */

export function siteName(index: number): string {
  return `c${index + 1}`;
}

export function siteId(index: number): string {
  return `site-${siteName(index)}`;
}

export function indexOfName(name: string): number {
  return Number(name.slice(1)) - 1;
}

export function indexOfId(id: string): number {
  return indexOfName(id.slice("site-".length));
}

/** Of a service `namespace/name`. */
export function nameOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}

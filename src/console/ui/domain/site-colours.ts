/** How many colours there are for sites: classes `site-0` to `site-7` of the style sheet. */
export const SITE_COLOURS = 8;

/** A colour for each site, the same wherever the site is shown and for as long as the page is open. */
export class SiteColours {
  readonly #index = new Map<string, number>();

  /** Sites that are not known yet get the next colours, in the order of their names. */
  know(names: readonly string[]): void {
    for (const name of names.toSorted()) this.classOf(name);
  }

  /** The class that sets `--site`. */
  classOf(name: string): string {
    let index = this.#index.get(name);
    if (index === undefined) {
      index = this.#index.size;
      this.#index.set(name, index);
    }
    return `site-${index % SITE_COLOURS}`;
  }
}

import type { JSX } from "preact";
import { useApp } from "../data/app.ts";
import { share } from "../domain/format.ts";

export interface SharePart {
  readonly site: string;
  readonly percent: number;
  readonly wantedPercent?: number;
}

/** Shares as one bar, in the colours of the sites; marks under it stand where the policy wants the borders to be. */
export function ShareBar({ parts: given }: { parts: readonly SharePart[] }): JSX.Element {
  const { colours } = useApp();
  const parts = bySite(given);
  const total = parts.reduce((sum, { percent }) => sum + percent, 0);
  const said = parts.map(({ site, percent, wantedPercent }) =>
    wantedPercent === undefined
      ? `${site} ${share(percent)}`
      : `${site} ${share(percent)}, wanted ${share(wantedPercent)}`,
  );
  let at = 0;
  let wanted = 0;
  return (
    <svg class="share-bar" width="100%" height="14" role="img" aria-label={said.join("; ")}>
      <title>{said.join("\n")}</title>
      <rect class="track" width="100%" height="8" rx="2" />
      {total > 0 &&
        parts.map(({ site, percent }) => {
          const x = at;
          at += percent;
          return (
            <rect
              key={site}
              class={`part ${colours.classOf(site)}`}
              x={`${x}%`}
              width={`${Math.max(0, percent)}%`}
              height="8"
            />
          );
        })}
      {parts.slice(0, -1).map(({ site, wantedPercent }) => {
        wanted += wantedPercent ?? 0;
        if (wantedPercent === undefined || wanted <= 0 || wanted >= 100) return null;
        return <rect key={site} class="wanted" x={`${wanted}%`} y="9" width="2" height="5" />;
      })}
    </svg>
  );
}

/** In one order everywhere, whoever told them. */
export function bySite<T extends { readonly site: string }>(parts: readonly T[]): T[] {
  return parts.toSorted((a, b) => a.site.localeCompare(b.site));
}

/** A site's name with its colour. */
export function SiteName({ name, id }: { name: string; id?: string }): JSX.Element {
  const { colours } = useApp();
  const inside = (
    <>
      <span class={`dot ${colours.classOf(name)}`} aria-hidden="true" />
      {name}
    </>
  );
  return id === undefined ? (
    <span class="site-name">{inside}</span>
  ) : (
    <a class="site-name" href={`/sites/${encodeURIComponent(id)}`}>
      {inside}
    </a>
  );
}

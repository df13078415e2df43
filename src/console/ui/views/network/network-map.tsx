import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { LinkEdge, NetworkView, SiteNode } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { bytesPerSecond, duration, plural, rate, span } from "../../domain/format.ts";
import { arrowsOf, linkWidth } from "../../domain/link-look.ts";
import { type MapSize, pathOf, type PlannedLink, planMap, type Point } from "../../domain/map-layout.ts";
import { hrefOf } from "../../domain/routes.ts";
import { Icon } from "../../parts/icon.tsx";
import { LinkDots } from "./link-dots.tsx";

const SIZE: MapSize = {
  cardWidth: 212,
  cardHeight: 96,
  columnGap: 380,
  minColumnGap: 190,
  rowGap: 76,
  rows: 5,
};

/** The network as a map that stays as it is: cards of sites, and between them the links with what they carry. */
export function NetworkMap({ network }: { network: NetworkView }): JSX.Element {
  const app = useApp();
  const place = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    width.value = element.clientWidth;
    const watch = new ResizeObserver(() => (width.value = element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const links = [...app.seenLinks.values()];
  const shape = JSON.stringify([
    network.sites.map(({ id, name, self }) => [id, name, self]),
    links,
    width.value,
  ]);
  const plan = useMemo(() => planMap({ sites: network.sites, links, width: width.value }, SIZE), [shape]);
  const chosen = app.route.value.query["link"];
  const drawn = network.links.flatMap((link) => {
    const planned = plan.links.get(link.id);
    return planned === undefined ? [] : [{ link, planned }];
  });
  return (
    <div class="map-scroll" ref={place} tabIndex={0} role="group" aria-label="Map of sites and links">
      <div class="map" style={{ width: `${plan.width}px`, height: `${plan.height}px` }}>
        <svg width={plan.width} height={plan.height} aria-hidden="true">
          {drawn.map(({ link, planned }) => (
            <LinkLine key={link.id} link={link} planned={planned} chosen={link.id === chosen} />
          ))}
        </svg>
        {drawn.map(({ link, planned }) => (
          <LinkDots key={link.id} link={link} planned={planned} />
        ))}
        {network.sites.map((site) => {
          const at = plan.sites.get(site.id);
          return at === undefined ? null : <SiteCard key={site.id} site={site} at={at} />;
        })}
        {drawn.map(({ link, planned }) => (
          <LinkLabel key={link.id} link={link} planned={planned} chosen={link.id === chosen} />
        ))}
      </div>
    </div>
  );
}

function LinkLine(props: { link: LinkEdge; planned: PlannedLink; chosen: boolean }): JSX.Element {
  const { link, planned, chosen } = props;
  const width = link.state === "up" ? linkWidth(link.bytesForth + link.bytesBack) : 2;
  return (
    <g class={`link ${link.state} ${chosen ? "chosen" : ""}`}>
      <path class="line" d={pathOf(planned.curve)} style={{ strokeWidth: width }} />
    </g>
  );
}

function LinkLabel(props: { link: LinkEdge; planned: PlannedLink; chosen: boolean }): JSX.Element {
  const app = useApp();
  const { link, planned, chosen } = props;
  const { from, to, name, state, error } = link;
  const [forth, back] = arrowsOf(planned.towards);
  const sinceMs = app.nowMs.value - link.sinceMs;
  const said = `Link ${name} from ${app.siteName(from)} to ${app.siteName(to)}: ${state}${error === undefined ? "" : `, ${error}`}`;
  return (
    <button
      type="button"
      class={`link-label ${state} ${chosen ? "chosen" : ""}`}
      style={{ left: `${planned.label.x}px`, top: `${planned.label.y}px` }}
      title={said}
      aria-pressed={chosen}
      onClick={() => app.choose({ link: chosen ? undefined : link.id }, { push: true })}
    >
      <span class="off-screen">Link {name}: </span>
      {state === "up" ? (
        <>
          <span class="first">
            <span>cost {link.cost}</span>
            <span>{duration(link.rttMs)}</span>
          </span>
          <span class="second">
            <span>
              {forth} {bytesPerSecond(link.bytesForth)}
            </span>
            <span>
              {back} {bytesPerSecond(link.bytesBack)}
            </span>
          </span>
        </>
      ) : (
        <>
          <span class="first">
            <Icon name={state === "down" ? "bad" : "warn"} />
            {state} {span(sinceMs)}
          </span>
          <span class="second">
            {error ?? (state === "down" ? "cost " + String(link.cost) : "being dialled")}
          </span>
        </>
      )}
    </button>
  );
}

function SiteCard({ site, at }: { site: SiteNode; at: Point }): JSX.Element {
  const app = useApp();
  const stale = site.reachable && site.routers.length > 0 && site.routers.every((router) => router.stale);
  const trouble = !site.reachable ? "unreachable" : stale ? "stale" : undefined;
  return (
    <a
      class={`site-card ${app.colours.classOf(site.name)} ${trouble ?? ""}`}
      href={hrefOf("site", site.id)}
      style={{
        left: `${at.x}px`,
        top: `${at.y}px`,
        width: `${SIZE.cardWidth}px`,
        height: `${SIZE.cardHeight}px`,
      }}
    >
      <span class="card-head">
        <strong>{site.name}</strong>
        {site.self && <span class="tag">this site</span>}
        {trouble !== undefined && (
          <span class={`status ${site.reachable ? "warn" : "bad"}`}>
            <Icon name={site.reachable ? "warn" : "down"} />
            {trouble}
          </span>
        )}
      </span>
      <span class="card-line">
        {site.pods === 0
          ? "no pods of a service"
          : `${plural(site.services, "service")} · ${site.podsReady}/${site.pods} pods ready`}
      </span>
      <span class="card-line strong">
        <span class="card-rate">{rate(site.rps)}</span> <span class="quiet">from its clients</span>
      </span>
    </a>
  );
}

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { LinkEdge, NetworkView, SiteNode } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { duration, plural, rate, span } from "../../domain/format.ts";
import { linkWidth, speedOf, trafficLine } from "../../domain/link-look.ts";
import { type MapSize, type PlannedLink, planMap, type Point } from "../../domain/map-layout.ts";
import { hrefOf } from "../../domain/routes.ts";
import { Icon } from "../../parts/icon.tsx";

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
  const app = useApp();
  const width = linkWidth(link.bytesForth + link.bytesBack);
  // Each direction has its lane, and the colour of the site that sends.
  const upright = planned.towards === "up" || planned.towards === "down";
  const lane = upright ? { x: width / 4, y: 0 } : { x: 0, y: width / 4 };
  return (
    <g class={`link ${link.state} ${chosen ? "chosen" : ""}`}>
      <path class="line" d={planned.path} style={{ strokeWidth: link.state === "up" ? width : 2 }} />
      {link.state === "up" && link.bytesForth > 0 && (
        <path
          class={`moving forth ${speedOf(link.bytesForth)} ${app.colours.classOf(app.siteName(link.from))}`}
          d={planned.path}
          transform={`translate(${lane.x} ${lane.y})`}
        />
      )}
      {link.state === "up" && link.bytesBack > 0 && (
        <path
          class={`moving back ${speedOf(link.bytesBack)} ${app.colours.classOf(app.siteName(link.to))}`}
          d={planned.path}
          transform={`translate(${-lane.x} ${-lane.y})`}
        />
      )}
    </g>
  );
}

function LinkLabel(props: { link: LinkEdge; planned: PlannedLink; chosen: boolean }): JSX.Element {
  const app = useApp();
  const { link, planned, chosen } = props;
  const { from, to, name, state, error } = link;
  const sinceMs = app.nowMs.value - link.sinceMs;
  const said = `Link ${name} from ${app.siteName(from)} to ${app.siteName(to)}: ${state}${error === undefined ? "" : `, ${error}`}`;
  return (
    <button
      type="button"
      class={`link-label ${state} ${chosen ? "chosen" : ""}`}
      style={{ left: `${planned.label.x}px`, top: `${planned.label.y}px` }}
      title={said}
      aria-label={said}
      aria-pressed={chosen}
      onClick={() => app.choose({ link: chosen ? undefined : link.id }, { push: true })}
    >
      {state === "up" ? (
        <>
          <span class="first">
            cost {link.cost} · {duration(link.rttMs)}
          </span>
          <span class="second">{trafficLine(link, planned.towards)}</span>
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
        {rate(site.rps)} <span class="quiet">from its clients</span>
      </span>
    </a>
  );
}

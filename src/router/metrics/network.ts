import type { Link } from "#link/types.ts";
import type { Endpoint } from "../endpoint.ts";
import type { LinkTransport } from "../network/link-manager.ts";
import type { SiteView } from "../network/network.ts";
import type { LinkState } from "../state.ts";
import type { Labels, Page, Sample } from "./page.ts";

export interface NetworkSource {
  readonly siteId: string;
  /** Those that take streams. */
  readonly links: Iterable<Link>;
  /** All that there are to be. */
  readonly linkStates: readonly LinkState[];
  readonly sites: ReadonlyMap<string, SiteView>;
  /** Routers in the link-state database. */
  readonly routers: number;
  readonly endpoints: Iterable<{ readonly service: string; readonly endpoints: Iterable<Endpoint> }>;
  /** When the first of the own certificates ends, ms since the Unix epoch. */
  readonly certificateExpiresMs: number | undefined;
  readonly transport: Pick<LinkTransport, "memory" | "errors">;
  /** Name of a site, for people; another one for each. */
  readonly siteLabel: (siteId: string) => string;
}

/** Links, sites, and what is known of their endpoints. */
export function pageNetwork(page: Page, source: NetworkSource): void {
  pageLinks(page, source);
  const { sites, routers, certificateExpiresMs, transport, siteLabel } = source;
  const siteViews = [...sites.values()];
  page.gauge(
    "isthmus_site_reachable",
    "Whether a path leads to a site",
    siteViews.map(({ siteId, cost }): Sample => [{ site: siteLabel(siteId) }, cost === undefined ? 0 : 1]),
  );
  page.gauge(
    "isthmus_site_cost",
    "Cost of the cheapest path to a site",
    siteViews.flatMap(({ siteId, cost }): Sample[] =>
      cost === undefined ? [] : [[{ site: siteLabel(siteId) }, cost]],
    ),
  );
  page.gauge("isthmus_router_known_routers", "Routers in the link-state database", [[{}, routers]]);
  page.gauge("isthmus_service_endpoints", "Endpoints known of a service, by their site", endpointsOf(source));
  if (certificateExpiresMs !== undefined) {
    page.gauge(
      "isthmus_certificate_expiry_timestamp_seconds",
      "When the first of the site's certificates for links ends",
      [[{}, certificateExpiresMs / 1000]],
    );
  }
  pageTransport(page, transport);
}

function pageLinks(page: Page, { links, linkStates, siteLabel }: NetworkSource): void {
  const up = new Map<string, Sample>();
  for (const { name, direction, remoteSiteId, state } of linkStates) {
    const labels = { link: name, remote_site: siteLabel(remoteSiteId), direction };
    const before = up.get(JSON.stringify(labels))?.[1] ?? 0;
    up.set(JSON.stringify(labels), [labels, Math.max(before, state === "up" ? 1 : 0)]);
  }
  page.gauge("isthmus_link_up", "Whether a link takes streams", [...up.values()]);
  const all = [...links].map((link): [Labels, Link] => [
    {
      link: link.name,
      remote_site: siteLabel(link.remote.siteId),
      remote_router: link.remote.routerId,
      direction: link.direction,
    },
    link,
  ]);
  const perLink = (value: (link: Link) => number): Sample[] =>
    all.map(([labels, link]) => [labels, value(link)]);
  page.gauge(
    "isthmus_link_cost",
    "Cost of a link",
    perLink((link) => link.cost),
  );
  page.gauge(
    "isthmus_link_rtt_seconds",
    "Smoothed round trip time of a link",
    perLink((link) => link.rttMs / 1000),
  );
  page.gauge(
    "isthmus_link_lanes",
    "Lanes of a link that take streams",
    perLink((link) => link.lanes),
  );
  page.gauge(
    "isthmus_link_streams",
    "Streams on a link",
    perLink((link) => link.stats().streams),
  );
  page.gauge(
    "isthmus_link_buffered_bytes",
    "Bytes held for a link",
    perLink((link) => link.stats().bufferedBytes),
  );
  page.counter(
    "isthmus_link_bytes_total",
    "Bytes over a link, with its own framing",
    all.flatMap(([labels, link]): Sample[] => [
      [{ ...labels, flow: "in" }, link.stats().bytesIn],
      [{ ...labels, flow: "out" }, link.stats().bytesOut],
    ]),
  );
}

function endpointsOf({ endpoints, siteLabel }: NetworkSource): Sample[] {
  return [...endpoints].flatMap(({ service, endpoints: list }) => {
    const sites = new Map<string, { ready: number; other: number }>();
    for (const { siteId, facts } of list) {
      const counts = sites.get(siteId) ?? { ready: 0, other: 0 };
      if (facts.ready) counts.ready++;
      else counts.other++;
      sites.set(siteId, counts);
    }
    return [...sites].flatMap(([siteId, { ready, other }]): Sample[] => [
      [{ service, site: siteLabel(siteId), ready: "true" }, ready],
      [{ service, site: siteLabel(siteId), ready: "false" }, other],
    ]);
  });
}

function pageTransport(page: Page, { memory, errors }: NetworkSource["transport"]): void {
  if (memory !== undefined) {
    page.gauge("isthmus_router_link_memory_bytes", "Held for streams of all links", [[{}, memory.usedBytes]]);
    page.gauge("isthmus_router_link_memory_limit_bytes", "Bound of what is held", [[{}, memory.limitBytes]]);
    page.counter("isthmus_router_link_memory_sheds_total", "Streams ended to keep the bound", [
      [{}, memory.sheds],
    ]);
  }
  if (errors === undefined) return;
  page.counter(
    "isthmus_router_link_protocol_errors_total",
    "Lanes closed for bad input, by what was wrong",
    Object.entries(errors).map(([kind, count]: [string, number]) => [{ kind }, count]),
  );
}

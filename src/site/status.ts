import type { Link, LinkStatus } from "#api/kinds/link.ts";
import type { Site, SiteEndpoint, SiteStatus } from "#api/kinds/site.ts";
import type { Condition, NewCondition } from "#api/object.ts";
import { withConditions } from "#controller/write-status.ts";
import type { Identity } from "./join/identity.ts";
import type { Exposure } from "./link-access.ts";
import type { LinkState, NetworkView, SiteState } from "./network-view.ts";

export interface RouterSummary {
  readonly wanted: number;
  readonly connected: number;
  /** Routers that took up the newest configuration. */
  readonly configured: number;
  /** What a router refused in the newest configuration: field and message. */
  readonly problem: string | undefined;
}

export interface SiteStatusInput {
  readonly site: Site;
  readonly identity: Identity | undefined;
  readonly view: NetworkView | undefined;
  readonly link: Exposure;
  readonly join: Exposure;
  /** Absent: the Site has no entry. */
  readonly entry?: Exposure | undefined;
  readonly routers: RouterSummary;
  /** When this site's certificates end, wall ms. */
  readonly endsAtMs?: number | undefined;
  readonly nowMs: number;
}

/** An object of the API may have 1.5 MiB; the status stays far below, whatever the size of the network. */
export const MAX_STATUS_BYTES = 400_000;
const MAX_SITES = 1000;
const MAX_MESSAGE = 1024;

/** Site.status: what this site is, where it is reached and what its routers see. Pure; keeps what did not change. */
export function siteStatus(input: SiteStatusInput): SiteStatus {
  const { site, identity, view, nowMs } = input;
  const previous = site.status ?? {};
  const endpoints = [
    ...(input.site.spec.linkAccess === "None"
      ? []
      : [...reached("link", input.link), ...reached("join", input.join)]),
    ...(input.entry === undefined ? [] : reached("entry", input.entry)),
  ];
  const incoming = (view?.links ?? [])
    .filter((link) => link.direction === "accepted" && link.state === "up" && link.remoteSiteId !== "")
    .map((link) => ({ site: link.remoteSiteId, name: link.remoteSiteName }))
    .slice(0, MAX_SITES);
  const sites = view === undefined ? previous.sites : boundedSites(view.sites, previous.sites ?? []);
  return {
    ...(identity === undefined ? {} : { id: identity.siteId, network: identity.network }),
    endpoints,
    ...defined("sitesInNetwork", view === undefined ? previous.sitesInNetwork : view.sites.length),
    ...defined("sites", sites),
    ...defined("links", view === undefined ? previous.links : { incoming: uniqueBySite(incoming) }),
    conditions: withConditions(previous.conditions, siteConditions(input), { nowMs }),
  };
}

function siteConditions({ site, link, join, routers, endsAtMs, nowMs }: SiteStatusInput): NewCondition[] {
  const observedGeneration = site.metadata.generation;
  const configured: Verdict =
    routers.problem !== undefined
      ? ["False", "Refused", `A router refuses the configuration: ${routers.problem}`]
      : routers.configured > 0
        ? ["True", "Configured", "The routers have the present configuration"]
        : ["False", "Pending", "No router has taken up the configuration yet"];
  const running: Verdict =
    routers.connected >= routers.wanted
      ? ["True", "Running", `${routers.connected} of ${routers.wanted} routers are connected`]
      : ["False", "Pending", `${routers.connected} of ${routers.wanted} routers are connected`];
  const waits =
    site.spec.linkAccess === "None"
      ? undefined
      : [link, join].find((exposure) => exposure.state === "pending");
  const ready: Verdict =
    configured[0] !== "True"
      ? configured
      : running[0] !== "True"
        ? running
        : endsAtMs !== undefined && endsAtMs <= nowMs
          ? ["False", "CertificateExpired", CERTIFICATE_ENDED]
          : waits?.state === "pending"
            ? ["False", "Pending", waits.message]
            : ["True", "Ready", ""];
  return [
    condition("Configured", configured, observedGeneration),
    condition("Running", running, observedGeneration),
    condition("Ready", ready, observedGeneration),
  ];
}

const CERTIFICATE_ENDED =
  "The certificates of this site have ended and its links are refused: redeem a new token of the network (isthmus link create FILE)";

/** Status of a Site that is not the oldest of its namespace. */
export function secondSiteStatus(site: Site, options: { oldest: string; nowMs: number }): SiteStatus {
  const verdict: Verdict = [
    "False",
    "SecondSite",
    `Site "${options.oldest}" is already in this namespace, and a namespace has one: delete this one`,
  ];
  const conditions = withConditions(
    site.status?.conditions,
    [condition("Ready", verdict, site.metadata.generation)],
    { nowMs: options.nowMs },
  );
  return { conditions };
}

/** Link.status from what the routers report of the link of that name. Pure. */
export function linkStatus(
  link: Link,
  options: { view: NetworkView | undefined; identity: Identity | undefined; nowMs: number },
): LinkStatus {
  const { view, identity, nowMs } = options;
  const previous = link.status ?? {};
  const seen = view?.links.find(
    (candidate) => candidate.direction === "dialled" && candidate.name === link.metadata.name,
  );
  const configured: Verdict =
    identity === undefined
      ? ["False", "NoNetwork", "This site is in no network yet: redeem a token of another site"]
      : ["True", "Configured", ""];
  const operational: Verdict = configured[0] === "False" ? configured : operationalVerdict(view, seen);
  const ready: Verdict = operational[0] === "True" ? ["True", "Ready", ""] : operational;
  const rttMs = seen?.state === "up" ? steadyRtt(previous.rttMs, seen.rttMs) : undefined;
  const remoteSite = seen?.remoteSiteName || previous.remoteSite;
  const remoteSiteId = seen?.remoteSiteId || previous.remoteSiteId;
  const observedGeneration = link.metadata.generation;
  return {
    ...(remoteSite === undefined ? {} : { remoteSite }),
    ...(remoteSiteId === undefined ? {} : { remoteSiteId }),
    ...(rttMs === undefined ? {} : { rttMs }),
    conditions: withConditions(
      previous.conditions,
      [
        condition("Configured", configured, observedGeneration),
        condition("Operational", operational, observedGeneration),
        condition("Ready", ready, observedGeneration),
      ],
      { nowMs },
    ),
  };
}

function operationalVerdict(view: NetworkView | undefined, seen: LinkState | undefined): Verdict {
  if (view === undefined)
    return ["Unknown", "NoRouter", "No router of this site is connected to its controller"];
  if (seen === undefined) return ["False", "Pending", "The routers have not taken up this link yet"];
  if (seen.state === "up")
    return ["True", "Up", `Linked to site "${seen.remoteSiteName || seen.remoteSiteId}"`];
  const reason = seen.state === "connecting" ? "Connecting" : "Down";
  return ["False", reason, seen.error ?? "Not connected yet"];
}

/** A changed RTT is news only when it changed by a quarter and by half a millisecond: noise must cause no writes. */
export function steadyRtt(previous: number | undefined, next: number | undefined): number | undefined {
  if (next === undefined || !Number.isFinite(next) || next < 0) return previous;
  const rounded = Math.round(next * 10) / 10;
  if (previous === undefined) return rounded;
  return Math.abs(rounded - previous) <= Math.max(0.5, previous / 4) ? previous : rounded;
}

type SeenSite = NonNullable<SiteStatus["sites"]>[number];

function boundedSites(sites: readonly SiteState[], previous: readonly SeenSite[]): SeenSite[] {
  const known = new Map(previous.map((site) => [site.id, site]));
  const shown = sites.slice(0, MAX_SITES);
  // As much detail as fits: all, few endpoints, none, no services.
  for (const endpoints of [1000, 20, 0]) {
    const list = shown.map((site) =>
      seenSite(site, { previous: known.get(site.id), endpoints, services: 1000 }),
    );
    if (JSON.stringify(list).length <= MAX_STATUS_BYTES) return list;
  }
  const list = shown.map((site) =>
    seenSite(site, { previous: known.get(site.id), endpoints: 0, services: 0 }),
  );
  while (JSON.stringify(list).length > MAX_STATUS_BYTES) list.length = Math.floor(list.length / 2);
  return list;
}

function seenSite(
  site: SiteState,
  options: { previous: SeenSite | undefined; endpoints: number; services: number },
): SeenSite {
  return {
    id: site.id,
    name: site.name,
    ...(site.namespace ? { namespace: site.namespace } : {}),
    ...(site.version ? { version: site.version } : {}),
    reachable: site.reachable,
    links: site.links.slice(0, MAX_SITES).map((link) => {
      const before = options.previous?.links?.find((candidate) => candidate.site === link.site);
      const rttMs = steadyRtt(before?.rttMs, link.rttMs);
      return { site: link.site, cost: link.cost, ...(rttMs === undefined ? {} : { rttMs }) };
    }),
    services: site.services.slice(0, options.services).map(({ service, ports, endpoints }) => ({
      service,
      ports: ports.map(({ name, port }) => ({ ...(name ? { name } : {}), port, protocol: "TCP" as const })),
      endpoints: endpoints.slice(0, options.endpoints).map(({ id, name, ready }) => ({ id, name, ready })),
    })),
  };
}

function reached(name: SiteEndpoint["name"], exposure: Exposure): SiteEndpoint[] {
  return exposure.state === "assigned"
    ? exposure.addresses.map(({ host, port }) => ({ name, host, port }))
    : [];
}

function uniqueBySite<T extends { site: string }>(links: readonly T[]): T[] {
  return [...new Map(links.map((link) => [link.site, link])).values()].toSorted((a, b) =>
    a.site < b.site ? -1 : 1,
  );
}

function defined<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  const object: { [key in K]?: V } = {};
  if (value !== undefined) object[key] = value;
  return object;
}

export type Verdict = readonly [status: Condition["status"], reason: string, message: string];

export function condition(
  type: string,
  verdict: Verdict,
  observedGeneration: number | undefined,
): NewCondition {
  const [status, reason, message] = verdict;
  return {
    type,
    status,
    reason,
    message: message.slice(0, MAX_MESSAGE),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  };
}

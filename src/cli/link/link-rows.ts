import type { Link } from "#api/kinds/link.ts";
import type { Site } from "#api/kinds/site.ts";
import { conditionOf } from "#api/object.ts";

/** One link as people see it, from either end. */
export interface LinkRow {
  /** Absent for an incoming one: its name is the dialling site's affair. */
  readonly name?: string;
  readonly direction: "outgoing" | "incoming";
  readonly site?: string;
  readonly siteId?: string;
  readonly cost?: number;
  readonly rttMs?: number;
  readonly lanes?: number;
  readonly state: "up" | "down" | "connecting";
  /** Why it is not up. */
  readonly message?: string;
  readonly endpoints?: readonly string[];
}

/** The links of a site: what it dials, by name, then what dialled it, by site. */
export function linkRows(links: readonly Link[], site: Site | undefined): LinkRow[] {
  // What an incoming link costs is said by who dials it, and is known from the network.
  const own = site?.status?.sites?.find(({ id }) => id === site.status?.id);
  const seen = new Map((own?.links ?? []).map((link) => [link.site, link]));
  const outgoing = links.map(outgoingRow).toSorted((a, b) => order(a.name, b.name));
  const incoming = (site?.status?.links?.incoming ?? []).map((link): LinkRow => {
    const { cost = seen.get(link.site)?.cost, rttMs = seen.get(link.site)?.rttMs, lanes } = link;
    return {
      direction: "incoming",
      site: link.name,
      siteId: link.site,
      ...(cost === undefined ? {} : { cost }),
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(lanes === undefined ? {} : { lanes }),
      state: "up",
    };
  });
  return [...outgoing, ...incoming.toSorted((a, b) => order(a.site, b.site))];
}

/** `0.4 ms`, `12 ms` */
export function formatRtt(rttMs: number | undefined): string {
  if (rttMs === undefined) return "";
  return `${rttMs < 10 ? rttMs.toFixed(1) : rttMs.toFixed(0)} ms`;
}

function outgoingRow({ metadata, spec, status }: Link): LinkRow {
  const operational = conditionOf(status?.conditions, "Operational");
  const state =
    operational?.status === "True" ? "up" : operational?.status === "False" ? "down" : "connecting";
  return {
    name: metadata.name,
    direction: "outgoing",
    ...(status?.remoteSite === undefined ? {} : { site: status.remoteSite }),
    ...(status?.remoteSiteId === undefined ? {} : { siteId: status.remoteSiteId }),
    cost: spec.cost,
    ...(state !== "up" || status?.rttMs === undefined ? {} : { rttMs: status.rttMs }),
    lanes: spec.lanes,
    state,
    ...(state === "up" || operational === undefined ? {} : { message: operational.message }),
    endpoints: spec.endpoints.map(({ host, port }) =>
      host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    ),
  };
}

function order(a: string | undefined, b: string | undefined): number {
  return (a ?? "") < (b ?? "") ? -1 : 1;
}

import type { SeenSite } from "#api/kinds/site.ts";
import { formatRtt, type LinkRow } from "../link/link-rows.ts";
import type { Style } from "../output/style.ts";
import { padEnd, visibleWidth } from "../output/table.ts";

export interface NetworkSeen {
  readonly network: string;
  /** Id of the site that looks. */
  readonly self: string;
  readonly sites: readonly SeenSite[];
  /** Of the looking site, with those that are not up. */
  readonly links: readonly LinkRow[];
}

interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

/** The network as a tree: sites, under each its links, then its services with their pods. The looking site is first. */
export function formatNetwork({ network, self, sites, links }: NetworkSeen, style: Style): string {
  const names = new Map(sites.map((site) => [site.id, site.name]));
  const ordered = sites.toSorted((a, b) => rank(a, self) - rank(b, self) || (a.name < b.name ? -1 : 1));
  const nodes = ordered.map((site) => siteNode(site, { self, names, links, style }));
  const count = `${sites.length} ${sites.length === 1 ? "site" : "sites"}`;
  return [`${style.bold("Network")} ${network}, ${count}`, ...nodes.flatMap((node) => draw(node, style))]
    .map((line) => `${line}\n`)
    .join("");
}

interface SiteContext {
  readonly self: string;
  readonly names: ReadonlyMap<string, string>;
  readonly links: readonly LinkRow[];
  readonly style: Style;
}

function siteNode(site: SeenSite, context: SiteContext): Node {
  const { self, style } = context;
  const local = site.id === self;
  const marks = [
    ...(site.namespace === undefined ? [] : [`namespace ${site.namespace}`]),
    ...(site.version === undefined ? [] : [`version ${site.version}`]),
    local ? "this site" : "remote",
  ].join(", ");
  const lost =
    site.reachable === false ? ` ${style.bad("unreachable; this is the last that was heard of it")}` : "";
  return {
    text: `${style.accent(style.bold(site.name))}   ${style.dim(marks)}${lost}`,
    children: [
      ...linkNodes(local ? ownLinks(site, context) : farLinks(site, context), style),
      ...serviceNodes(site, { local, style }),
    ],
  };
}

/** A link as a line of the tree. */
interface LinkLine {
  readonly name: string;
  readonly cost: string;
  readonly rtt: string;
  readonly state: string;
  /** Why it is not up. */
  readonly why?: string | undefined;
}

/** This site knows who dialled whom, and what it dials in vain. */
function ownLinks(site: SeenSite, { links, names }: SiteContext): LinkLine[] {
  const seen = new Map((site.links ?? []).map((link) => [link.site, link]));
  const lines = links.map(({ direction, name, site: other, siteId = "", cost, rttMs, state, message }) => {
    const far = other ?? names.get(siteId) ?? "?";
    return {
      name: direction === "incoming" ? `link from ${far}` : `link ${name ?? ""} to ${far}`,
      cost: cost === undefined ? "" : `cost ${cost}`,
      rtt: formatRtt(rttMs ?? (state === "up" ? seen.get(siteId)?.rttMs : undefined)),
      state,
      why: message,
    };
  });
  const known = new Set(links.map(({ siteId }) => siteId));
  const others = (site.links ?? []).filter((link) => !known.has(link.site));
  return [...lines, ...others.map((link) => lineOf(link, names))];
}

/** Of the others it is known whom they are linked to. */
function farLinks(site: SeenSite, { names }: SiteContext): LinkLine[] {
  return (site.links ?? []).map((link) => ({
    ...lineOf(link, names),
    // Of a site that is not heard of, nothing is known to be up.
    ...(site.reachable === false ? { state: "unknown" } : {}),
  }));
}

function lineOf(
  { site, cost, rttMs, state = "up" }: NonNullable<SeenSite["links"]>[number],
  names: ReadonlyMap<string, string>,
): LinkLine {
  return { name: `link to ${names.get(site) ?? site}`, cost: `cost ${cost}`, rtt: formatRtt(rttMs), state };
}

function linkNodes(links: readonly LinkLine[], style: Style): Node[] {
  const width = (of: (link: LinkLine) => string): number => Math.max(0, ...links.map(of).map(visibleWidth));
  const widths = [width(({ name }) => name), width(({ cost }) => cost), width(({ rtt }) => rtt)];
  return links.map(({ name, cost, rtt, state, why }) => {
    const columns = [name, cost, rtt].flatMap((text, index) => {
      const wide = widths[index] ?? 0;
      return wide === 0 ? [] : [padEnd(text, wide)];
    });
    const shown =
      state === "up" ? style.good(state) : style.bad(why === undefined ? state : `${state}: ${why}`);
    return { text: [...columns, shown].join("   "), children: [] };
  });
}

function serviceNodes(site: SeenSite, { local, style }: { local: boolean; style: Style }): Node[] {
  return (site.services ?? []).map((service) => {
    const ports = (service.ports ?? []).map(({ port }) => `:${port}`).join(",");
    const pods = service.endpoints ?? [];
    const ready = pods.filter((pod) => pod.ready).length;
    const paint = ready === pods.length ? style.dim : ready === 0 ? style.bad : style.warn;
    const heard = site.reachable === false ? " when last heard" : "";
    const count =
      pods.length === 0 ? style.warn("no pods") : paint(`${ready} of ${pods.length} ready${heard}`);
    return {
      text: `service ${style.bold(service.service)}${ports}   ${count}`,
      children: pods.map((pod) => ({
        text: `${local ? "local" : "remote"} pod ${pod.name}   ${podText(pod, { site, style })}`,
        children: [],
      })),
    };
  });
}

function podText({ ready }: { ready: boolean }, { site, style }: { site: SeenSite; style: Style }): string {
  if (site.reachable === false) return style.dim("unknown");
  return ready ? style.good("ready") : style.warn("not ready");
}

function draw(node: Node, style: Style): string[] {
  return ["", node.text, ...branches(node.children, style)];
}

function branches(nodes: readonly Node[], style: Style): string[] {
  return nodes.flatMap((node, index) => {
    const last = index === nodes.length - 1;
    const below = branches(node.children, style).map((line) => `${style.dim(last ? "   " : "│  ")}${line}`);
    return [`${style.dim(last ? "└─ " : "├─ ")}${node.text}`, ...below];
  });
}

function rank(site: SeenSite, self: string): number {
  return site.id === self ? 0 : 1;
}

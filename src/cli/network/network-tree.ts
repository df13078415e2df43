import type { SeenSite } from "#api/kinds/site.ts";
import { formatRtt } from "../link/link-rows.ts";
import type { Style } from "../output/style.ts";
import { padEnd, visibleWidth } from "../output/table.ts";

export interface NetworkSeen {
  readonly network: string;
  /** Id of the site that looks. */
  readonly self: string;
  readonly sites: readonly SeenSite[];
}

interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

/** The network as a tree: sites, under each its links, then its services with their pods. The looking site is first. */
export function formatNetwork({ network, self, sites }: NetworkSeen, style: Style): string {
  const names = new Map(sites.map((site) => [site.id, site.name]));
  const ordered = sites.toSorted((a, b) => rank(a, self) - rank(b, self) || (a.name < b.name ? -1 : 1));
  const nodes = ordered.map((site) => siteNode(site, { self, names, style }));
  const count = `${sites.length} ${sites.length === 1 ? "site" : "sites"}`;
  return [`${style.bold("Network")} ${network}, ${count}`, ...nodes.flatMap((node) => draw(node, style))]
    .map((line) => `${line}\n`)
    .join("");
}

interface SiteContext {
  readonly self: string;
  readonly names: ReadonlyMap<string, string>;
  readonly style: Style;
}

function siteNode(site: SeenSite, { self, names, style }: SiteContext): Node {
  const local = site.id === self;
  const marks = [
    ...(site.namespace === undefined ? [] : [`namespace ${site.namespace}`]),
    ...(site.version === undefined ? [] : [`version ${site.version}`]),
    local ? "this site" : "remote",
  ].join(", ");
  const lost =
    site.reachable === false ? ` ${style.bad("unreachable; this is the last that was heard of it")}` : "";
  const links = (site.links ?? []).map((link) => ({
    name: `link to ${names.get(link.site) ?? link.site}`,
    cost: `cost ${link.cost}`,
    rtt: formatRtt(link.rttMs),
    // Of a site that is not heard of, nothing is known to be up.
    state: site.reachable === false ? "unknown" : (link.state ?? "up"),
  }));
  const widths = {
    name: widest(links.map(({ name }) => name)),
    cost: widest(links.map(({ cost }) => cost)),
    rtt: widest(links.map(({ rtt }) => rtt)),
  };
  const linkNodes = links.map(({ name, cost, rtt, state }) => {
    const shown = state === "up" ? style.good(state) : style.bad(state);
    const rttText = widths.rtt === 0 ? "" : `${padEnd(rtt, widths.rtt)}   `;
    return {
      text: `${padEnd(name, widths.name)}   ${padEnd(cost, widths.cost)}   ${rttText}${shown}`,
      children: [],
    };
  });
  const serviceNodes = (site.services ?? []).map((service) => {
    const ports = (service.ports ?? []).map(({ port }) => `:${port}`).join(",");
    const pods = service.endpoints ?? [];
    return {
      text: `service ${style.bold(service.service)}${ports}${pods.length === 0 ? "   no pods" : ""}`,
      children: pods.map((pod) => ({
        text: `${local ? "local" : "remote"} pod ${pod.name}   ${pod.ready ? style.good("ready") : style.warn("not ready")}`,
        children: [],
      })),
    };
  });
  return {
    text: `${style.accent(style.bold(site.name))}   ${style.dim(marks)}${lost}`,
    children: [...linkNodes, ...serviceNodes],
  };
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

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(visibleWidth));
}

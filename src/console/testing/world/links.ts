import type { LinkEdge } from "#observe/views.ts";
import type { Moment } from "./moment.ts";
import { indexOfId, siteId, siteName } from "./names.ts";

/** A hub (c1) to which the others dial, and a chord between each even one and the next; past five sites the others dial in turn. */
export function linksOf(sites: number, moment: Moment): LinkEdge[] {
  const edges: LinkEdge[] = [];
  for (let site = 1; site < sites; site++) {
    edges.push(edgeOf({ from: site, to: site > 4 ? ((site - 1) % 4) + 1 : 0, cost: site }, moment));
    if (site % 2 === 1 && site + 1 < sites && site < 4)
      edges.push(edgeOf({ from: site, to: site + 1, cost: 4 }, moment));
  }
  return edges;
}

interface Dial {
  readonly from: number;
  readonly to: number;
  readonly cost: number;
}

function edgeOf({ from, to, cost }: Dial, { atMs, startMs, cut }: Moment): LinkEdge {
  const name = `${siteName(from)}-${siteName(to)}`;
  const id = `${siteId(from)}/${name}`;
  const cutMs = cut.get(id);
  const wave = 1 + 0.4 * Math.sin(atMs / 5_000 + from);
  const up = cutMs === undefined;
  return {
    id,
    name,
    from: siteId(from),
    to: siteId(to),
    cost,
    rttMs: up ? 0.3 + from * 2.1 + 0.1 * wave : 0,
    lanes: up ? 2 : 0,
    state: up ? "up" : "down",
    sinceMs: cutMs ?? startMs - 3_600_000,
    ...(up ? {} : { error: "connection refused" }),
    streams: up ? 8 + from : 0,
    bytesForth: up ? 38_000 * wave * (from + 1) : 0,
    bytesBack: up ? 560_000 * wave * (from + 1) : 0,
  };
}

/** Sites to which links that are up lead from the first. */
export function reachedSites(links: readonly LinkEdge[], sites: number): ReadonlySet<number> {
  const reached = new Set([0]);
  for (let round = 0; round < sites; round++) {
    for (const { from, to, state } of links) {
      if (state !== "up") continue;
      const [a, b] = [indexOfId(from), indexOfId(to)];
      if (reached.has(a)) reached.add(b);
      if (reached.has(b)) reached.add(a);
    }
  }
  return reached;
}

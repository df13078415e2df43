import type { RouterRecord } from "../collect/router-record.ts";
import { SUM_BYTES, SUM_TOTAL, type Series } from "../collect/traffic.ts";
import type { LinkEdge, NetworkView, RouterNode, SiteNode, SiteTraffic } from "../views.ts";
import { cents } from "./load.ts";
import type { Moment } from "./moment.ts";
import type { Topology, TopologySite } from "./topology.ts";

export interface NetworkInput {
  readonly moment: Moment;
  readonly topology: Topology;
  readonly routers: Iterable<RouterRecord>;
  readonly edges: Iterable<LinkEdge>;
  readonly series: Iterable<Series>;
}

/** The whole network: sites by name with the observer's own first, links, and who sends to whom. */
export function networkView({ moment, topology, routers, edges, series }: NetworkInput): NetworkView {
  const traffic = siteTraffic(series, moment);
  const bySite = Map.groupBy(routers, ({ siteId }) => siteId);
  const rpsFrom = new Map<string, number>();
  for (const { from, rps } of traffic) rpsFrom.set(from, (rpsFrom.get(from) ?? 0) + rps);
  const sites = [...topology.sites.values()].map((site) =>
    siteNode(site, { routers: bySite.get(site.id) ?? [], rps: rpsFrom.get(site.id) ?? 0, moment }),
  );
  return {
    atMs: moment.atMs,
    sites: sites.toSorted((a, b) => Number(b.self) - Number(a.self) || (a.name < b.name ? -1 : 1)),
    links: [...edges].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    traffic,
  };
}

function siteNode(
  site: TopologySite,
  { routers, rps, moment }: { routers: readonly RouterRecord[]; rps: number; moment: Moment },
): SiteNode {
  const { id, name, namespace, version, reachable, self, services, pods, podsReady } = site;
  const certificateExpires = routers.find(({ facts }) => facts.certificateExpires !== undefined)?.facts
    .certificateExpires;
  return {
    id,
    name,
    namespace,
    version,
    reachable,
    self,
    routers: [
      ...routers.map((router) => routerNode(router, moment.atMs)),
      ...site.routers.filter((known) => !routers.some(({ facts }) => facts.id === known)).map(unheardNode),
    ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    services,
    podsReady,
    pods,
    rps: cents(rps),
    ...(certificateExpires === undefined ? {} : { certificateExpires }),
  };
}

function routerNode(router: RouterRecord, nowMs: number): RouterNode {
  const { facts, observedMs, cpuPercent } = router;
  return {
    id: facts.id,
    version: facts.version,
    startedMs: facts.startedMs,
    observedMs,
    stale: router.isStale(nowMs),
    memoryBytes: facts.memoryBytes,
    cpuPercent: Math.round(cpuPercent * 10) / 10,
  };
}

/** A router that others know and that this observer never heard: what its clients do is in no view. */
function unheardNode(id: string): RouterNode {
  return { id, version: "", startedMs: 0, observedMs: 0, stale: true, memoryBytes: 0, cpuPercent: 0 };
}

/** What found no endpoint went nowhere, and is left out. */
function siteTraffic(series: Iterable<Series>, moment: Moment): SiteTraffic[] {
  const pairs = new Map<string, { from: string; to: string; rps: number; bytesPerSecond: number }>();
  for (const { siteId: to, endpoint, rows } of series) {
    if (endpoint === "") continue;
    for (const { siteId: from, routerId, window } of rows.values()) {
      const seconds = moment.secondsOf(routerId);
      if (window === undefined || seconds <= 0) continue;
      const { sums } = window.advance(moment.round);
      const [total, bytes] = [sums[SUM_TOTAL] as number, sums[SUM_BYTES] as number];
      if (total === 0 && bytes === 0) continue;
      const key = `${from} ${to}`;
      let pair = pairs.get(key);
      if (pair === undefined) {
        pair = { from, to, rps: 0, bytesPerSecond: 0 };
        pairs.set(key, pair);
      }
      pair.rps += total / seconds;
      pair.bytesPerSecond += bytes / seconds;
    }
  }
  return [...pairs.values()]
    .map(({ from, to, rps, bytesPerSecond }) => ({
      from,
      to,
      rps: cents(rps),
      bytesPerSecond: Math.round(bytesPerSecond),
    }))
    .toSorted((a, b) => (a.from === b.from ? (a.to < b.to ? -1 : 1) : a.from < b.from ? -1 : 1));
}

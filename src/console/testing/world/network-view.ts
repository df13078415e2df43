import type { NetworkView, SiteNode, SiteTraffic } from "#observe/views.ts";
import { linksOf, reachedSites } from "./links.ts";
import type { Moment } from "./moment.ts";
import { siteId, siteName } from "./names.ts";
import { BYTES_PER_REQUEST, isReady, podRps, serviceRps } from "./rates.ts";
import type { GeneratedService } from "./services.ts";

export function networkView(
  services: readonly GeneratedService[],
  { sites, moment }: { readonly sites: number; readonly moment: Moment },
): NetworkView {
  const links = linksOf(sites, moment);
  const reached = reachedSites(links, sites);
  return {
    atMs: moment.atMs,
    sites: Array.from({ length: sites }, (_, index) =>
      siteNode(index, { services, moment, reached: reached.has(index) }),
    ),
    links,
    traffic: trafficOf(services, moment),
  };
}

/** By pairs of sites, in the order of their first pod. */
function trafficOf(services: readonly GeneratedService[], moment: Moment): SiteTraffic[] {
  const pairs = new Map<string, { readonly from: string; readonly to: string; rps: number }>();
  for (const service of services) {
    for (const pod of service.pods) {
      const [from, to] = [siteId(service.client), siteId(pod.site)];
      const pair = pairs.get(`${from} ${to}`) ?? { from, to, rps: 0 };
      pair.rps += podRps(service, pod, moment);
      pairs.set(`${from} ${to}`, pair);
    }
  }
  return [...pairs.values()].map((pair) => ({ ...pair, bytesPerSecond: pair.rps * BYTES_PER_REQUEST }));
}

interface Around {
  readonly services: readonly GeneratedService[];
  readonly moment: Moment;
  readonly reached: boolean;
}

function siteNode(index: number, { services, moment, reached }: Around): SiteNode {
  const { atMs, startMs } = moment;
  const here = services.filter(({ pods }) => pods.some(({ site }) => site === index));
  const pods = here.flatMap((service) => service.pods.filter(({ site }) => site === index));
  return {
    id: siteId(index),
    name: siteName(index),
    namespace: "interconnect",
    version: "0.1.0",
    reachable: reached,
    self: index === 0,
    routers: [1, 2].map((router) => ({
      id: `r-${siteName(index)}-${router}`,
      version: "0.1.0",
      startedMs: startMs - 3_600_000,
      observedMs: reached ? atMs : startMs,
      stale: !reached,
      memoryBytes: 61_000_000 + index * 1_300_000,
      cpuPercent: 4 + index + 2 * Math.sin(atMs / 8_000),
    })),
    services: here.length,
    podsReady: pods.filter((pod) => isReady(pod, moment)).length,
    pods: pods.length,
    rps: services
      .filter(({ client }) => client === index)
      .reduce((sum, service) => sum + serviceRps(service, moment), 0),
    certificateExpires: new Date(startMs + 29 * 86_400_000).toISOString(),
  };
}

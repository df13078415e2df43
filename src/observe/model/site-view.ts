import type { NetworkView, SiteNode, SiteView } from "../views.ts";
import type { Topology } from "./topology.ts";

/** One site of the network, without checks. */
export function siteView(
  site: SiteNode,
  { network, topology }: { readonly network: NetworkView; readonly topology: Topology },
): SiteView {
  const services = [...topology.services.values()]
    .filter(({ sites }) => sites.includes(site.id))
    .map(({ service, endpoints }) => {
      const own = endpoints.filter(({ siteId }) => siteId === site.id);
      return { service, podsReady: own.filter(({ ready }) => ready).length, pods: own.length };
    })
    .toSorted((a, b) => (a.service < b.service ? -1 : 1));
  const links = network.links.filter(({ from, to }) => from === site.id || to === site.id);
  return { atMs: network.atMs, site, links, services };
}

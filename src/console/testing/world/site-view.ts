import type { CheckCategory, LinkEdge, NetworkView, SiteView } from "#observe/views.ts";
import type { Moment } from "./moment.ts";
import { siteId } from "./names.ts";
import { isReady } from "./rates.ts";
import type { GeneratedService } from "./services.ts";

/** The site with this id or name, or undefined. */
export function siteView(
  id: string,
  {
    network,
    services,
    moment,
  }: {
    readonly network: NetworkView;
    readonly services: readonly GeneratedService[];
    readonly moment: Moment;
  },
): SiteView | undefined {
  const site = network.sites.find((candidate) => candidate.id === id || candidate.name === id);
  if (site === undefined) return undefined;
  const links = network.links.filter(({ from, to }) => from === site.id || to === site.id);
  return {
    atMs: moment.atMs,
    site,
    links,
    checks: checksOf(links),
    services: services
      .map(({ key, pods }) => ({ key, pods: pods.filter((pod) => siteId(pod.site) === site.id) }))
      .filter(({ pods }) => pods.length > 0)
      .map(({ key, pods }) => ({
        service: key,
        podsReady: pods.filter((pod) => isReady(pod, moment)).length,
        pods: pods.length,
      })),
  };
}

function checksOf(links: readonly LinkEdge[]): CheckCategory[] {
  return [
    {
      category: "Cluster",
      checks: [
        { name: "the API server answers", result: "ok", message: "v1.32.0, in 3 ms" },
        { name: "rights in the namespace", result: "ok" },
      ],
    },
    {
      category: "Links",
      checks: links.map(({ name, state, error }) => ({
        name: `link ${name} is up`,
        result: state === "up" ? "ok" : "failed",
        ...(error === undefined
          ? {}
          : { message: error, hint: `isthmus link status ${name} -n interconnect` }),
      })),
    },
    {
      category: "Certificates",
      checks: [
        { name: "the site's certificate", result: "ok", message: "ends in 29 days" },
        { name: "DNS for clusterset.local", result: "skipped", message: "isthmus-dns is not installed" },
      ],
    },
  ];
}

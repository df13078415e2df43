import type { Link } from "#api/kinds/link.ts";
import type { SeenSite, Site } from "#api/kinds/site.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { conditionOf } from "#api/object.ts";
import { type LinkRow, linkRows } from "../link/link-rows.ts";
import { notReady, siteName } from "../site.ts";

/** A service of the network, as this site sees it. */
export interface ServiceRow {
  /** Without the namespace: it is that of the site. */
  readonly service: string;
  readonly ports: readonly number[];
  /** Clusters that export it. */
  readonly clusters: readonly string[];
  readonly ready: number;
  readonly pods: number;
  /** Mode of the policy of this cluster's clients; absent without one. */
  readonly mode?: string;
  /** Who gets how much now, as the routers say. */
  readonly shares?: string;
}

export interface SiteSummary {
  readonly name: string;
  readonly namespace: string;
  readonly id: string | undefined;
  readonly network: string | undefined;
  readonly ready: boolean;
  /** Why it is not. */
  readonly message?: string;
  /** Of the routers. */
  readonly version?: string;
  /** `1 of 1 routers are connected`; absent before the controller looked. */
  readonly routers?: string;
  /** Sites in the network, this one included; 0 before it joined one. */
  readonly sites: number;
  readonly links: readonly LinkRow[];
  readonly services: readonly ServiceRow[];
}

export function siteSummary(
  site: Site,
  links: readonly Link[],
  policies: readonly TrafficPolicy[] = [],
): SiteSummary {
  const why = notReady(site);
  const version = site.status?.sites?.find(({ id }) => id === site.status?.id)?.version;
  const running = conditionOf(site.status?.conditions, "Running");
  const namespace = site.metadata.namespace ?? "";
  return {
    name: siteName(site),
    namespace,
    id: site.status?.id,
    network: site.status?.network,
    ready: why === undefined,
    ...(why === undefined ? {} : { message: why === "" ? "The controller has not looked at it yet" : why }),
    ...(version === undefined ? {} : { version }),
    ...(running === undefined ? {} : { routers: running.message }),
    sites: site.status?.sitesInNetwork ?? 0,
    links: linkRows(links, site),
    services: serviceRows(site.status?.sites ?? [], { namespace, policies }),
  };
}

function serviceRows(
  sites: readonly SeenSite[],
  { namespace, policies }: { namespace: string; policies: readonly TrafficPolicy[] },
): ServiceRow[] {
  const byName = new Map(policies.map((policy) => [policy.metadata.name, policy]));
  const rows = new Map<string, { ports: Set<number>; clusters: Set<string>; ready: number; pods: number }>();
  for (const site of sites) {
    for (const { service, ports = [], endpoints = [] } of site.services ?? []) {
      const name = service.startsWith(`${namespace}/`) ? service.slice(namespace.length + 1) : service;
      const row = rows.get(name) ?? { ports: new Set(), clusters: new Set(), ready: 0, pods: 0 };
      rows.set(name, row);
      for (const { port } of ports) row.ports.add(port);
      row.clusters.add(site.name);
      row.pods += endpoints.length;
      if (site.reachable !== false) row.ready += endpoints.filter((endpoint) => endpoint.ready).length;
    }
  }
  return [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, { ports, clusters, ready, pods }]) => ({
      service,
      ports: [...ports].toSorted((a, b) => a - b),
      clusters: [...clusters].toSorted(),
      ready,
      pods,
      ...policyOf(byName.get(service)),
    }));
}

function policyOf(policy: TrafficPolicy | undefined): Pick<ServiceRow, "mode" | "shares"> {
  if (policy === undefined) return {};
  const { summary } = policy.status ?? {};
  return {
    ...(policy.spec.mode === undefined ? {} : { mode: policy.spec.mode }),
    ...(summary === undefined ? {} : { shares: summary }),
  };
}

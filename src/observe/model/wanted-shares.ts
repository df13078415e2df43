import type { PolicyState } from "#router/state.ts";
import { policyKey, type TopologyEndpoint, type TopologyService } from "./topology.ts";

/** What the policies of a service want, in percent of its new work. */
export interface WantedShares {
  /** By name of the site. */
  readonly bySite: ReadonlyMap<string, number>;
  /** By site and pod (`shareKey`); without those of large services, which the routers leave out. */
  readonly byPod: ReadonlyMap<string, number>;
}

/** Work of one client site on one port, in the rate window. */
export interface ClientWork {
  readonly siteId: string;
  readonly port: number;
  readonly total: number;
}

/**
 * Each client site has its own policy, so what is wanted of all together is their mean, weighted with what each sends. While
 * nobody sends, it is what the first client wants, the observer's own site before others. Undefined where no client has anybody to
 * send to.
 */
export function wantedShares(
  service: TopologyService,
  {
    selfId,
    work,
    port,
  }: { readonly selfId: string; readonly work: readonly ClientWork[]; readonly port?: number },
): WantedShares | undefined {
  const parts: { policy: Wanted; weight: number }[] = [];
  for (const { siteId, port: used, total } of together(work)) {
    if (port !== undefined && used !== port) continue;
    const policy = policyOf(service, siteId, used);
    if (policy !== undefined) parts.push({ policy, weight: total });
  }
  if (parts.length === 0) {
    const policy = idlePolicy(service, { selfId, port });
    if (policy === undefined) return undefined;
    parts.push({ policy, weight: 1 });
  }
  return meanOf(parts);
}

/** Key of `WantedShares.byPod`. */
export function shareKey(site: string, pod: string): string {
  return `${site} ${pod}`;
}

/** The work of each client site and port, once. */
function together(work: readonly ClientWork[]): Iterable<ClientWork> {
  const sums = new Map<string, { siteId: string; port: number; total: number }>();
  for (const { siteId, port, total } of work) {
    if (total === 0) continue;
    const key = policyKey(siteId, port);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { siteId, port, total });
    else sum.total += total;
  }
  return sums.values();
}

type Wanted = Pick<PolicyState, "clusters">;

function idlePolicy(
  service: TopologyService,
  { selfId, port }: { readonly selfId: string; readonly port?: number | undefined },
): Wanted | undefined {
  const { clients, ports } = service;
  for (const siteId of clients.includes(selfId) ? [selfId, ...clients] : clients) {
    for (const candidate of port === undefined ? ports : [port]) {
      const policy = policyOf(service, siteId, candidate);
      if (policy !== undefined) return policy;
    }
  }
  return undefined;
}

function policyOf(service: TopologyService, siteId: string, port: number): Wanted | undefined {
  return service.policies.get(policyKey(siteId, port)) ?? knownDefault(service, siteId);
}

function knownDefault(service: TopologyService, siteId: string): Wanted | undefined {
  const { defaults } = service.derived;
  const known = defaults.get(siteId);
  if (known !== undefined || defaults.has(siteId)) return known;
  const wanted = defaultOf(service, siteId);
  defaults.set(siteId, wanted);
  return wanted;
}

/**
 * Without a policy (routers tell none then): all to the client's own site while something there can be used, else to all
 * others, each endpoint by its weight.
 */
function defaultOf({ endpoints, troubles }: TopologyService, siteId: string): Wanted | undefined {
  const trouble = troubles.get(siteId);
  if (trouble === "down") return undefined;
  const usable = endpoints.filter(({ ready, weight }) => ready && weight > 0);
  const own = usable.filter((endpoint) => endpoint.siteId === siteId);
  const tier = own.length > 0 && trouble === undefined ? own : usable.filter((one) => one.siteId !== siteId);
  const all = tier.reduce((sum, { weight }) => sum + weight, 0);
  if (all === 0) return undefined;
  const shareOf = ({ weight }: TopologyEndpoint): number => (weight / all) * 100;
  return {
    clusters: [...Map.groupBy(tier, ({ site }) => site)].map(([cluster, members]) => ({
      cluster,
      sharePercent: members.reduce((sum, member) => sum + shareOf(member), 0),
      endpoints: members.map((member) => ({ name: member.name, sharePercent: shareOf(member) })),
    })),
  };
}

function meanOf(parts: readonly { readonly policy: Wanted; readonly weight: number }[]): WantedShares {
  const bySite = new Map<string, number>();
  const all = parts.reduce((sum, { weight }) => sum + weight, 0);
  for (const { policy, weight } of parts)
    for (const { cluster, sharePercent } of policy.clusters)
      add(bySite, cluster, (sharePercent * weight) / all);
  let byPod: Map<string, number> | undefined;
  return {
    bySite,
    // Made when somebody asks: the view of all services does not.
    get byPod() {
      byPod ??= podsOf(parts, all);
      return byPod;
    },
  };
}

function podsOf(
  parts: readonly { readonly policy: Wanted; readonly weight: number }[],
  all: number,
): Map<string, number> {
  const byPod = new Map<string, number>();
  for (const { policy, weight } of parts)
    for (const { cluster, endpoints } of policy.clusters)
      for (const { name, sharePercent } of endpoints)
        add(byPod, shareKey(cluster, name), (sharePercent * weight) / all);
  return byPod;
}

function add(to: Map<string, number>, key: string, value: number): void {
  to.set(key, (to.get(key) ?? 0) + value);
}

import type { PolicyState } from "#router/state.ts";
import { policyKey, type TopologyService } from "./topology.ts";

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
 * nobody sends, it is what the first client with a policy wants. Undefined where a client that sends has no policy: then
 * nobody said what is wanted.
 */
export function wantedShares(
  service: TopologyService,
  {
    selfId,
    work,
    port,
  }: { readonly selfId: string; readonly work: readonly ClientWork[]; readonly port?: number },
): WantedShares | undefined {
  if (service.policies.size === 0) return undefined;
  const parts: { policy: PolicyState; weight: number }[] = [];
  for (const { siteId, port: used, total } of work) {
    if (total === 0 || (port !== undefined && used !== port)) continue;
    const policy = service.policies.get(policyKey(siteId, used));
    if (policy === undefined) return undefined;
    parts.push({ policy, weight: total });
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

function idlePolicy(
  { policies, clients, ports }: TopologyService,
  { selfId, port }: { readonly selfId: string; readonly port?: number | undefined },
): PolicyState | undefined {
  for (const siteId of [selfId, ...clients]) {
    for (const candidate of port === undefined ? ports : [port]) {
      const policy = policies.get(policyKey(siteId, candidate));
      if (policy !== undefined) return policy;
    }
  }
  return undefined;
}

function meanOf(parts: readonly { readonly policy: PolicyState; readonly weight: number }[]): WantedShares {
  const bySite = new Map<string, number>();
  const byPod = new Map<string, number>();
  const all = parts.reduce((sum, { weight }) => sum + weight, 0);
  for (const { policy, weight } of parts) {
    for (const { cluster, sharePercent, endpoints } of policy.clusters) {
      add(bySite, cluster, (sharePercent * weight) / all);
      for (const { name, sharePercent: share } of endpoints)
        add(byPod, shareKey(cluster, name), (share * weight) / all);
    }
  }
  return { bySite, byPod };
}

function add(to: Map<string, number>, key: string, value: number): void {
  to.set(key, (to.get(key) ?? 0) + value);
}

import type { PolicyConfig } from "../config.ts";
import { sampleOf } from "./explain-sample.ts";
import { sharesInTier } from "./explain-shares.ts";
import type {
  ExplainedCluster,
  ExplainedEndpoint,
  ExplainedPolicy,
  ExplainedTier,
  ServiceExplanation,
} from "./explanation.ts";
import type { Balancer, PickContext } from "../selection/balancer.ts";
import type { Candidate } from "../selection/candidate.ts";
import { targetOf, type Cluster } from "../selection/tiers.ts";
import type { ConnectPolicy } from "../service-table.ts";

/** A site of the network, this one or another. */
export interface KnownSite extends Cluster {
  /** Of the cheapest path; undefined when there is none. */
  readonly cost: number | undefined;
}

export interface ExplainOptions {
  readonly service: string;
  readonly port: number;
  readonly protocol: string;
  readonly config: Omit<PolicyConfig, "service">;
  readonly balancer: Balancer;
  readonly connect: ConnectPolicy;
  readonly budgetPercent: number;
  /** All that are known, this one first. */
  readonly sites: readonly KnownSite[];
  readonly nowMs: number;
  /** Asks for one decision too, for a request of which this is known. */
  readonly sample?: PickContext | undefined;
}

/** Tells how new work of a service's port is divided now, and why. Reads only; counts nothing. */
export function explainService(options: ExplainOptions): ServiceExplanation {
  const { service, port, protocol, balancer, sites, sample } = options;
  const members = [...balancer.members];
  const shares = sharesOf(options);
  const { targets } = balancer.policy;
  const tiers = explainTiers(balancer, { members, sites });
  return {
    service,
    port,
    protocol,
    policy: explainPolicy(options),
    tiers,
    clusters: explainClusters(options, { members, shares }),
    endpoints: members.map((member) => explainEndpoint(member, { options, shares })),
    unknownTargets: (targets ?? [])
      .map(({ cluster }) => cluster)
      .filter((cluster) => !sites.some(({ siteId, name }) => cluster === siteId || cluster === name)),
    ...(sample === undefined
      ? {}
      : { sample: sampleOf(balancer, { tiers, members, context: sample, protocol }) }),
  };
}

/** Of all new work, 0 to 1. */
function sharesOf({ balancer, nowMs }: ExplainOptions): Map<Candidate, number> {
  const shares = new Map<Candidate, number>();
  for (const tier of balancer.tiers) {
    if (tier.weight === 0) continue;
    for (const [member, share] of sharesInTier(tier.usable, { policy: balancer.policy, nowMs }))
      shares.set(member, share * tier.weight);
  }
  return shares;
}

function explainPolicy({ balancer, connect, budgetPercent, config }: ExplainOptions): ExplainedPolicy {
  const { mode, minHealthyPercent, rampMs, failback, spread, algorithm, hash, spillAt, outlier } =
    balancer.policy;
  const { attempts, connectMs, requestMs, idleMs, httpIdleMs } = connect;
  const { targets, affinity } = config;
  return {
    mode,
    ...(targets === undefined || targets.length === 0 ? {} : { targets }),
    ...(mode === "Failover" ? { failover: { minHealthyPercent, rampMs, failback } } : {}),
    spread,
    algorithm,
    ...(hash === undefined ? {} : { hash }),
    ...(spillAt === undefined ? {} : { spillAt }),
    retries: { attempts, budgetPercent },
    timeouts: { connectMs, requestMs, idleMs, httpIdleMs },
    outlier,
    ...(affinity === undefined ? {} : { affinity }),
  };
}

function explainTiers(
  balancer: Balancer,
  { members, sites }: { readonly members: readonly Candidate[]; readonly sites: readonly KnownSite[] },
): ExplainedTier[] {
  const { tiers, tendency, plan } = balancer;
  const first = tiers.findIndex(({ weight }) => weight > 0);
  return tiers.map(({ index, known, usable, weight }) => {
    const clusters = sites.filter(
      (site) =>
        plan.tierOf(site) === index && members.some(({ endpoint }) => endpoint.siteId === site.siteId),
    );
    return {
      tier: index,
      clusters: clusters.map(({ name }) => name),
      healthyPercent: known === 0 ? 0 : percent(usable.length / known),
      sharePercent: percent(weight),
      why: whyTier(),
    };

    function whyTier(): string {
      const health = `${usable.length} of ${known} usable`;
      if (known === 0) return "has no endpoints";
      if (usable.length === 0) return `${health}: skipped`;
      if (weight === 0) {
        if (tendency === "waiting" && index < first) return `${health}, but waits: failback is Manual`;
        if (tendency === "moving" && index < first) return `${health}: just back, begins now`;
        return first >= 0 && first < index ? `${health}; a better tier takes everything` : health;
      }
      if (weight === 1) return `${health}: takes everything`;
      if (tendency === "moving")
        return `${health}: ${index === first ? "comes back along the ramp" : "gives back along the ramp"}`;
      return index === first
        ? `${health}: less than minHealthyPercent, so a part goes on`
        : `${health}: takes what better tiers are too unhealthy for`;
    }
  });
}

function explainClusters(
  { balancer, sites }: ExplainOptions,
  {
    members,
    shares,
  }: { readonly members: readonly Candidate[]; readonly shares: ReadonlyMap<Candidate, number> },
): ExplainedCluster[] {
  const { plan } = balancer;
  const { targets } = balancer.policy;
  const bySite = Map.groupBy(members, ({ endpoint }) => endpoint.siteId);
  return sites.flatMap((site): ExplainedCluster[] => {
    const own = bySite.get(site.siteId) ?? [];
    if (own.length === 0 && !site.local && targetOf(targets, site) === undefined) return [];
    const tier = plan.tierOf(site);
    const why = whyCluster(site);
    return [
      {
        cluster: site.name,
        siteId: site.siteId,
        local: site.local,
        ...(tier < 0 ? {} : { tier }),
        ...(site.cost === undefined ? {} : { cost: site.cost }),
        sharePercent: percent(own.reduce((sum, member) => sum + (shares.get(member) ?? 0), 0)),
        readyEndpoints: own.filter(({ endpoint }) => endpoint.facts.ready).length,
        endpoints: own.length,
        ...(why === undefined ? {} : { why }),
      },
    ];

    function whyCluster({ cost }: KnownSite): string | undefined {
      if (tier < 0) return "not a target";
      if (plan.weightOf(site) === 0) return "weight 0";
      if (cost === undefined) return "unreachable";
      return own.length === 0 ? "has no endpoints of this service" : undefined;
    }
  });
}

function explainEndpoint(
  member: Candidate,
  { options, shares }: { readonly options: ExplainOptions; readonly shares: ReadonlyMap<Candidate, number> },
): ExplainedEndpoint {
  const { endpoint, health, latency, tier, cluster, weight, why } = member;
  const { facts, wireId, inFlight, picked } = endpoint;
  const share = shares.get(member) ?? 0;
  const { averageMs } = latency;
  const said = whyEndpoint(member, share);
  return {
    endpoint: wireId,
    name: facts.name,
    cluster,
    ...(tier < 0 ? {} : { tier }),
    state: why === undefined ? "in" : "out",
    ...(said === undefined ? {} : { why: said }),
    ...(facts.zone === undefined ? {} : { zone: facts.zone }),
    sharePercent: percent(share),
    weight,
    inFlight,
    picked,
    ...(averageMs === undefined ? {} : { latencyMs: Math.round(averageMs * 1000) / 1000 }),
    ...(why === "ejected" && health.state === "aside"
      ? { ejectedForMs: Math.max(0, Math.ceil(health.untilMs - options.nowMs)) }
      : {}),
  };
}

function whyEndpoint({ endpoint, why, health, clusterWeight }: Candidate, share: number): string | undefined {
  const { reason } = endpoint.facts;
  switch (why) {
    case "not ready":
      return reason === undefined ? why : `${why}: ${reason}`;
    case "weight 0":
      return clusterWeight === 0 ? "weight 0 of its cluster: drained" : why;
    case "ejected":
      if (health.state === "due") return "ejected, the next request tries it";
      return health.state === "on trial" ? "ejected, one request tries it now" : why;
    case undefined:
      if (health.state !== "in") return "fails, but too many do to leave it out";
      return share === 0 ? "a better one is used while little is in flight" : undefined;
    default:
      return why;
  }
}

/** 0 to 100, to a hundredth. */
function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

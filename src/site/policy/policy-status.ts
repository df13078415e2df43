import type { TrafficPolicy, TrafficPolicyStatus } from "#api/kinds/traffic-policy.ts";
import { FAILBACK_ANNOTATION } from "#api/kinds/traffic-policy.ts";
import { withConditions } from "#controller/write-status.ts";
import type { NetworkView, PolicyState } from "../network-view.ts";
import { condition, type Verdict } from "../status.ts";
import type { TakeOver } from "./take-over.ts";

export interface PolicyStatusInput {
  readonly policy: TrafficPolicy;
  /** namespace/name */
  readonly service: string;
  readonly view: NetworkView | undefined;
  /** Id and name of this site. */
  readonly self: { readonly id: string; readonly name: string };
  /** Whether there is a Service of that name in this cluster. */
  readonly hasService: boolean;
  /** Whether the Service has to lead to the routers, and does. */
  readonly takeOver: TakeOver;
  readonly taken: boolean;
  /** Whether all routers work by this generation. */
  readonly inForce: boolean;
  readonly nowMs: number;
}

type Shares = NonNullable<TrafficPolicyStatus["shares"]>;

/** As many endpoints are listed; more would make the object large, and nobody reads them. */
const MAX_ENDPOINTS = 1000;
const MAX_CLUSTERS = 100;
const MAX_SUMMARY = 200;
const MAX_FAILBACK = 1024;

/** TrafficPolicy.status: whether it is in force, whom it does not find, and who gets how much. Pure. */
export function policyStatus(input: PolicyStatusInput): TrafficPolicyStatus {
  const { policy, service, view, nowMs } = input;
  const { generation } = policy.metadata;
  const previous = policy.status ?? {};
  const shares =
    sharesOf(service, view?.policies ?? []) ?? (view === undefined ? previous.shares : undefined);
  const failback = failbackOf(policy, nowMs);
  return {
    ...(shares === undefined ? {} : { summary: summaryOf(shares), shares }),
    ...(failback === undefined ? {} : { failback }),
    conditions: withConditions(
      previous.conditions,
      [
        condition("Ready", readyVerdict(input), generation),
        condition("TargetsFound", targetsVerdict(input), generation),
      ],
      { nowMs },
    ),
  };
}

function readyVerdict({ policy, hasService, takeOver, taken, inForce }: PolicyStatusInput): Verdict {
  const { name } = policy.metadata;
  if (!hasService)
    return ["False", "NoService", `There is no Service "${name}" in this cluster, of its own or imported`];
  if (takeOver.kind === "refused") return ["False", takeOver.reason, takeOver.message];
  if (!inForce) return ["False", "Pending", "Not all routers of this site have taken it up yet"];
  if (takeOver.kind === "wanted" && !taken)
    return ["False", "Pending", `Service "${name}" is about to be led through the routers`];
  return ["True", "InForce", ""];
}

function targetsVerdict({ policy, service, view, self }: PolicyStatusInput): Verdict {
  const targets = (policy.spec.targets ?? []).map(({ cluster }) => cluster);
  if (targets.length === 0) return ["True", "AllClusters", "The policy names no clusters: all take part"];
  if (view === undefined)
    return ["Unknown", "NoRouter", "No router of this site is connected to its controller"];
  const sites = new Map(view.sites.flatMap((site) => [[site.name, site] as const, [site.id, site] as const]));
  const others = targets.filter((cluster) => cluster !== self.id && cluster !== self.name);
  const unknown = others.filter((cluster) => !sites.has(cluster));
  if (unknown.length > 0)
    return ["False", "UnknownClusters", `No site of the network has this name or id: ${unknown.join(", ")}`];
  const silent = others.filter((cluster) => sites.get(cluster)?.reachable !== true);
  const without = others.filter(
    (cluster) => sites.get(cluster)?.services.some((one) => one.service === service) !== true,
  );
  if (without.length > 0)
    return ["False", "NotExported", `The service is not exported by: ${without.join(", ")}`];
  return ["True", "Found", silent.length === 0 ? "" : `Not reachable now: ${silent.join(", ")}`];
}

/** Of the service's first port: all ports of a service share its policy, and nearly always its endpoints. */
function sharesOf(service: string, states: readonly PolicyState[]): Shares | undefined {
  const [state] = states.filter((one) => one.service === service).toSorted((a, b) => a.port - b.port);
  if (state === undefined) return undefined;
  const clusters = state.clusters.slice(0, MAX_CLUSTERS);
  const detailed = clusters.reduce((sum, { endpoints }) => sum + endpoints.length, 0) <= MAX_ENDPOINTS;
  return clusters.map(({ cluster, sharePercent, endpoints }) => ({
    cluster,
    percent: rounded(sharePercent),
    ...(detailed
      ? { endpoints: endpoints.map((one) => ({ name: one.name, percent: rounded(one.sharePercent) })) }
      : {}),
  }));
}

/** `c1 67%, c2 33%`, largest first. */
function summaryOf(shares: Shares): string {
  const used = shares.filter(({ percent }) => percent > 0).toSorted((a, b) => b.percent - a.percent);
  if (used.length === 0) return "nobody";
  const text = used.map(({ cluster, percent }) => `${cluster} ${Math.round(percent)}%`).join(", ");
  return text.length <= MAX_SUMMARY ? text : `${used.length} clusters`;
}

/** One digit after the point: what changes below that is no news. */
function rounded(percent: number): number {
  return Math.min(100, Math.max(0, Math.round(percent * 10) / 10));
}

/** Any new value of the annotation counts once; the number only ever grows, whatever the value says. */
function failbackOf(policy: TrafficPolicy, nowMs: number): TrafficPolicyStatus["failback"] {
  const known = policy.status?.failback;
  const value = policy.metadata.annotations?.[FAILBACK_ANNOTATION]?.slice(0, MAX_FAILBACK);
  if (value === undefined || value === known?.value) return known;
  return { value, resume: Math.max((known?.resume ?? 0) + 1, Math.floor(nowMs / 1000)) };
}

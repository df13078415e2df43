import type { TrafficPolicy, TrafficPolicySpec } from "#api/kinds/traffic-policy.ts";
import { parseDurationMs } from "#core/duration.ts";
import type { PolicyConfig, ServiceConfig } from "#router/config.ts";

/** Largest `spillAt` that a router takes. */
const MAX_SPILL_AT = 100_000;
const MAX_TIMER_MS = 86_400_000;
/** As kube-proxy's, seconds. */
const DEFAULT_AFFINITY_SECONDS = 10_800;

type Affinity = NonNullable<PolicyConfig["affinity"]>;
type HealthConfig = NonNullable<ServiceConfig["health"]>;

/** What a Service and a ServiceImport say of session affinity. */
export interface SessionAffinity {
  readonly sessionAffinity?: string;
  readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
}

/** The first of them that asks for affinity, as a router is told. */
export function affinityOf(specs: readonly (SessionAffinity | undefined)[]): Affinity | undefined {
  const spec = specs.find((one) => one?.sessionAffinity === "ClientIP");
  if (spec === undefined) return undefined;
  const timeoutSeconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  return { type: "ClientIP", timeoutSeconds };
}

/**
 * What the routers are told of one service: its TrafficPolicy with durations in milliseconds, and the affinity of the Service where the
 * policy says nothing of it. Undefined when there is nothing to tell. What this controller does not understand (an
 * object from before the present CRD) is left out, since a router refuses a configuration as a whole.
 */
export function policyConfig(
  service: string,
  options: { readonly policy: TrafficPolicy | undefined; readonly affinity: Affinity | undefined },
): PolicyConfig | undefined {
  const { policy, affinity } = options;
  if (policy === undefined) return affinity === undefined ? undefined : { service, affinity };
  const { spec, status } = policy;
  const { targets, failover, algorithm, hash, spillAt, retries } = spec;
  const hashed = algorithm === "Hash";
  const sticky = hashed ? undefined : (spec.affinity ?? affinity);
  const resume = failover?.failback === "Manual" ? status?.failback?.resume : undefined;
  return {
    service,
    mode: spec.mode ?? "Failover",
    ...(targets === undefined || targets.length === 0 ? {} : { targets: uniqueTargets(targets) }),
    ...(failover === undefined
      ? {}
      : {
          failover: {
            minHealthyPercent: failover.minHealthyPercent ?? 1,
            rampMs: ms(failover.ramp, { least: 0 }) ?? 10_000,
            failback: failover.failback ?? "Auto",
          },
        }),
    spread: spec.spread ?? "Endpoints",
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(hashed && hash !== undefined ? { hash: { ...hash, source: hash.source ?? "ClientIP" } } : {}),
    ...(spillAt === undefined ? {} : { spillAt: Math.min(spillAt, MAX_SPILL_AT) }),
    ...(retries === undefined ? {} : { retries }),
    ...timeoutsConfig(spec),
    ...outlierConfig(spec),
    ...(sticky === undefined ? {} : { affinity: sticky }),
    ...(resume === undefined ? {} : { resume }),
  };
}

/** How this cluster's routers probe its own endpoints of a service. */
export function healthConfig(policy: TrafficPolicy | undefined): HealthConfig | undefined {
  const health = policy?.spec.health;
  if (health === undefined) return undefined;
  const { port, path, interval, timeout } = health;
  return {
    type: health.type ?? "HTTP",
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path }),
    intervalMs: ms(interval, { least: 100 }) ?? 2000,
    timeoutMs: ms(timeout, { least: 100 }) ?? 1000,
    rise: health.rise ?? 2,
    fall: health.fall ?? 3,
  };
}

function timeoutsConfig({ timeouts }: TrafficPolicySpec): Pick<PolicyConfig, "timeouts"> {
  if (timeouts === undefined) return {};
  const [connectMs, requestMs, idleMs, httpIdleMs] = [
    timeouts.connect,
    timeouts.request,
    timeouts.idle,
    timeouts.keepAlive,
  ].map((text) => ms(text));
  return {
    timeouts: {
      ...(connectMs === undefined ? {} : { connectMs }),
      ...(requestMs === undefined ? {} : { requestMs }),
      ...(idleMs === undefined ? {} : { idleMs }),
      ...(httpIdleMs === undefined ? {} : { httpIdleMs }),
    },
  };
}

function outlierConfig({ outlier }: TrafficPolicySpec): Pick<PolicyConfig, "outlier"> {
  if (outlier === undefined) return {};
  const baseEjectionMs = ms(outlier.baseEjection) ?? 1000;
  return {
    outlier: {
      enabled: outlier.enabled ?? true,
      consecutiveFailures: outlier.consecutiveFailures ?? 5,
      serverErrors: outlier.serverErrors ?? false,
      baseEjectionMs,
      maxEjectionMs: Math.max(baseEjectionMs, ms(outlier.maxEjection) ?? 60_000),
      maxEjectedPercent: outlier.maxEjectedPercent ?? 50,
    },
  };
}

function uniqueTargets(
  targets: NonNullable<TrafficPolicySpec["targets"]>,
): NonNullable<PolicyConfig["targets"]> {
  return [...new Map(targets.map((target) => [target.cluster, target])).values()];
}

/** A duration within what timers take, whole ms; undefined when there is none or it cannot be read. */
function ms(text: string | undefined, { least = 1 }: { readonly least?: number } = {}): number | undefined {
  if (text === undefined) return undefined;
  try {
    return Math.min(MAX_TIMER_MS, Math.max(least, Math.round(parseDurationMs(text))));
  } catch {
    return undefined;
  }
}

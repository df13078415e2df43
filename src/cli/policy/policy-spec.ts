import type { Algorithm, Mode, Spread, TrafficPolicySpec } from "#api/kinds/traffic-policy.ts";
import { parseDurationMs } from "#core/duration.ts";
import type { PolicyFlags } from "./policy-flags.ts";
import type { TargetFlag } from "./target-flag.ts";

export interface SpecOptions extends PolicyFlags {
  readonly mode: Mode;
  readonly target?: readonly TargetFlag[];
  readonly spread: Spread;
  readonly algorithm?: Algorithm;
  readonly spillAt?: number;
}

/** The fields that were named, and nothing else: the cluster knows the defaults. */
type Named<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Named<T[K]> } : T;
export type NamedSpec = Named<TrafficPolicySpec> & Pick<TrafficPolicySpec, "mode" | "spread">;

/** The policy that the options of `policy set` say. */
export function specOf(options: SpecOptions): NamedSpec {
  const { mode, spread, algorithm, spillAt, target, hash, health, affinity } = options;
  const hashed = hash === undefined ? algorithm : (algorithm ?? "Hash");
  return {
    mode,
    ...(target === undefined ? {} : { targets: [...target] }),
    ...group("failover", {
      minHealthyPercent: options.minHealthy,
      ramp: options.ramp,
      failback: options.failback,
    }),
    spread,
    ...(hashed === undefined ? {} : { algorithm: hashed }),
    ...group("hash", { source: hash?.word, name: hash?.name, ttlSeconds: seconds(options.hashTtl) }),
    ...(spillAt === undefined ? {} : { spillAt }),
    ...group("retries", { attempts: options.retries, budgetPercent: options.retryBudget }),
    ...group("timeouts", {
      connect: options.timeoutConnect,
      request: options.timeoutRequest,
      idle: options.timeoutIdle,
      keepAlive: options.timeoutKeepAlive,
    }),
    ...group("outlier", {
      enabled: options.outlier ? undefined : false,
      consecutiveFailures: options.outlierFailures,
      serverErrors: options.outlierServerErrors,
      baseEjection: options.outlierEjection,
      maxEjection: options.outlierMaxEjection,
      maxEjectedPercent: options.outlierMaxPercent,
    }),
    ...group("health", {
      type: health?.word,
      port: options.healthPort,
      path: health?.name,
      interval: options.healthInterval,
      timeout: options.healthTimeout,
      rise: options.healthRise,
      fall: options.healthFall,
    }),
    ...group("affinity", {
      type: affinity?.word,
      cookie: affinity?.name,
      timeoutSeconds: seconds(options.affinityTimeout),
    }),
  };
}

/** The field with what was named of it; nothing when nothing was. */
function group(name: keyof NamedSpec, fields: Readonly<Record<string, unknown>>): object {
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  return named.length === 0 ? {} : { [name]: Object.fromEntries(named) };
}

function seconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Math.max(1, Math.round(parseDurationMs(text) / 1000));
}

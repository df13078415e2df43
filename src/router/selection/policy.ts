import type { PolicyConfig } from "../config.ts";

/** A cluster that a policy names, by site name or id. */
export interface Target {
  readonly cluster: string;
  readonly weight: number | undefined;
  readonly priority: number | undefined;
  /** It is this cluster. */
  readonly local: boolean;
}

export interface OutlierPolicy {
  readonly enabled: boolean;
  /** Failures in a row that put an endpoint aside. */
  readonly consecutiveFailures: number;
  /** Whether 5xx answers are failures. */
  readonly serverErrors: boolean;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectedPercent: number;
}

export type Spread = NonNullable<PolicyConfig["spread"]>;
export type Algorithm = NonNullable<PolicyConfig["algorithm"]>;

/** What the hash of a request is taken from. */
export type HashSource =
  | { readonly source: "ClientIP" }
  | { readonly source: "Header"; readonly name: string }
  | { readonly source: "Cookie"; readonly name: string };

/** A client's requests stay with one endpoint: by a cookie that names it. */
export interface CookieAffinity {
  readonly name: string;
  /** 0 is a session cookie. */
  readonly ttlSeconds: number;
}

/** What decides who is next, with every default filled in. */
export interface SelectionPolicy {
  readonly mode: NonNullable<PolicyConfig["mode"]>;
  /** Undefined is "all clusters". */
  readonly targets: readonly Target[] | undefined;
  readonly minHealthyPercent: number;
  readonly rampMs: number;
  readonly failback: "Auto" | "Manual";
  readonly resume: number;
  readonly spread: Spread;
  readonly algorithm: Algorithm;
  /** Set exactly when `algorithm` is Hash. */
  readonly hash: HashSource | undefined;
  readonly cookie: CookieAffinity | undefined;
  readonly spillAt: number | undefined;
  readonly outlier: OutlierPolicy;
  /** A connect that failed after this long was lost, not refused, ms. */
  readonly lostConnectMs: number;
}

export const DEFAULT_CONNECT_MS = 1000;
const DEFAULT_COOKIE = "isthmus-endpoint";

const DEFAULT_OUTLIER: OutlierPolicy = {
  enabled: true,
  consecutiveFailures: 5,
  serverErrors: false,
  baseEjectionMs: 1000,
  maxEjectionMs: 60_000,
  maxEjectedPercent: 50,
};

/** The cluster of this router. */
export interface Self {
  readonly siteId: string;
  readonly name: string;
}

/**
 * The policy in force: what is configured, and the defaults of traffic.md, which depend on the protocol.
 * Affinity by client address is a hash, and wins over `algorithm`; its timeout has no meaning then: a client comes back
 * to its endpoint as long as that one is in use.
 */
export function selectionOf(
  config: Omit<PolicyConfig, "service">,
  { http, self }: { readonly http: boolean; readonly self: Self },
): SelectionPolicy {
  const { failover, outlier, affinity, targets, timeouts } = config;
  const { algorithm, hash } = algorithmOf(config, http);
  return {
    mode: config.mode ?? "Failover",
    targets:
      targets === undefined || targets.length === 0
        ? undefined
        : targets.map(({ cluster, weight, priority }) => ({
            cluster,
            weight,
            priority,
            local: cluster === self.siteId || cluster === self.name,
          })),
    minHealthyPercent: failover?.minHealthyPercent ?? 1,
    rampMs: failover?.rampMs ?? 10_000,
    failback: failover?.failback ?? "Auto",
    resume: config.resume ?? 0,
    spread: config.spread ?? "Endpoints",
    algorithm,
    hash,
    cookie: affinity?.type === "Cookie" ? cookieOf(affinity) : setCookieOf(config),
    spillAt: config.spillAt,
    outlier: {
      enabled: outlier?.enabled ?? DEFAULT_OUTLIER.enabled,
      consecutiveFailures: outlier?.consecutiveFailures ?? DEFAULT_OUTLIER.consecutiveFailures,
      serverErrors: outlier?.serverErrors ?? DEFAULT_OUTLIER.serverErrors,
      baseEjectionMs: outlier?.baseEjectionMs ?? DEFAULT_OUTLIER.baseEjectionMs,
      maxEjectionMs: outlier?.maxEjectionMs ?? DEFAULT_OUTLIER.maxEjectionMs,
      maxEjectedPercent: outlier?.maxEjectedPercent ?? DEFAULT_OUTLIER.maxEjectedPercent,
    },
    lostConnectMs: (timeouts?.connectMs ?? DEFAULT_CONNECT_MS) / 2,
  };
}

function algorithmOf(
  { algorithm, hash, affinity }: Omit<PolicyConfig, "service">,
  http: boolean,
): Pick<SelectionPolicy, "algorithm" | "hash"> {
  const byProtocol = http ? "LeastRequest" : "RoundRobin";
  if (affinity?.type === "ClientIP") return { algorithm: "Hash", hash: { source: "ClientIP" } };
  if (algorithm !== "Hash" && (algorithm !== undefined || hash === undefined))
    return { algorithm: algorithm ?? byProtocol, hash: undefined };
  const name = hash?.name;
  if (hash === undefined || hash.source === "ClientIP" || name === undefined)
    return { algorithm: "Hash", hash: { source: "ClientIP" } };
  // The router's own cookie names the endpoint, so there is nothing to hash.
  if (hash.source === "Cookie" && hash.ttlSeconds !== undefined)
    return { algorithm: byProtocol, hash: undefined };
  return {
    algorithm: "Hash",
    hash:
      hash.source === "Header" ? { source: "Header", name: name.toLowerCase() } : { source: "Cookie", name },
  };
}

function cookieOf({ cookie, timeoutSeconds }: NonNullable<PolicyConfig["affinity"]>): CookieAffinity {
  return { name: cookie ?? DEFAULT_COOKIE, ttlSeconds: timeoutSeconds ?? 0 };
}

function setCookieOf({ algorithm, hash }: Omit<PolicyConfig, "service">): CookieAffinity | undefined {
  if (algorithm !== undefined && algorithm !== "Hash") return undefined;
  if (hash?.source !== "Cookie" || hash.ttlSeconds === undefined || hash.name === undefined) return undefined;
  return { name: hash.name, ttlSeconds: hash.ttlSeconds };
}

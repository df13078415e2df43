/** Why one port of a service is served as it is now, as plain data for /v1/explain, `isthmus explain` and the status of policies. */
export interface ServiceExplanation {
  readonly service: string;
  readonly port: number;
  /** What a listener here speaks for it: "tcp", "http"... */
  readonly protocol: string;
  /** In force, with defaults. */
  readonly policy: ExplainedPolicy;
  readonly tiers: readonly ExplainedTier[];
  readonly clusters: readonly ExplainedCluster[];
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Targets that no site of the network has as name or id. */
  readonly unknownTargets: readonly string[];
  readonly sample?: ExplainedSample;
}

export interface ExplainedPolicy {
  readonly mode: string;
  /** Absent: all clusters. */
  readonly targets?: readonly {
    readonly cluster: string;
    readonly weight?: number;
    readonly priority?: number;
  }[];
  readonly failover?: {
    readonly minHealthyPercent: number;
    readonly rampMs: number;
    readonly failback: string;
  };
  readonly spread: string;
  readonly algorithm: string;
  readonly hash?: { readonly source: string; readonly name?: string };
  readonly spillAt?: number;
  readonly retries: { readonly attempts: number; readonly budgetPercent: number };
  readonly timeouts: {
    readonly connectMs: number;
    readonly requestMs: number;
    readonly idleMs: number;
    readonly httpIdleMs: number;
  };
  readonly outlier: {
    readonly enabled: boolean;
    readonly consecutiveFailures: number;
    readonly serverErrors: boolean;
    readonly baseEjectionMs: number;
    readonly maxEjectionMs: number;
    readonly maxEjectedPercent: number;
  };
  readonly affinity?: { readonly type: string; readonly cookie?: string; readonly timeoutSeconds?: number };
}

export interface ExplainedTier {
  readonly tier: number;
  /** Names of its clusters that offer the service. */
  readonly clusters: readonly string[];
  /** Usable endpoints of those known and not of weight 0. */
  readonly healthyPercent: number;
  readonly sharePercent: number;
  readonly why: string;
}

export interface ExplainedCluster {
  readonly cluster: string;
  readonly siteId: string;
  readonly local: boolean;
  /** Absent when the policy leaves it out. */
  readonly tier?: number;
  /** Of the cheapest path; absent when there is none. */
  readonly cost?: number;
  readonly sharePercent: number;
  readonly readyEndpoints: number;
  readonly endpoints: number;
  readonly why?: string;
}

export interface ExplainedEndpoint {
  /** Id in the network: site/endpoint. */
  readonly endpoint: string;
  readonly name: string;
  readonly cluster: string;
  readonly tier?: number;
  /** Whether it gets new work. */
  readonly state: "in" | "out";
  /** Why it is out, or why its share is not what one would expect. */
  readonly why?: string;
  readonly zone?: string;
  /** Of all new work, while little is in flight. */
  readonly sharePercent: number;
  readonly weight: number;
  readonly inFlight: number;
  /** All that it was ever given from here. */
  readonly picked: number;
  /** Peak-sensitive average; absent while nothing is known. */
  readonly latencyMs?: number;
  readonly ejectedForMs?: number;
}

/** One decision, as it would be made now. */
export interface ExplainedSample {
  /** Absent when nothing is left. */
  readonly endpoint?: string;
  /** In words, in order. */
  readonly steps: readonly string[];
}

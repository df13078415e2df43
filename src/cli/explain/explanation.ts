import { IsthmusError } from "#core/errors.ts";

/** What a router says about one port of a service; see `src/router/explain.ts`. */
export interface ServiceExplanation {
  readonly service: string;
  readonly port: number;
  readonly protocol: string;
  readonly policy: ExplainedPolicy;
  readonly tiers: readonly ExplainedTier[];
  readonly clusters: readonly ExplainedCluster[];
  readonly endpoints: readonly ExplainedEndpoint[];
  readonly unknownTargets?: readonly string[];
  readonly sample?: { readonly endpoint?: string; readonly steps: readonly string[] };
}

export interface ExplainedPolicy {
  readonly mode: string;
  readonly targets?: readonly {
    readonly cluster: string;
    readonly weight?: number;
    readonly priority?: number;
  }[];
  readonly failover?: {
    readonly minHealthyPercent?: number;
    readonly rampMs?: number;
    readonly failback?: string;
  };
  readonly spread: string;
  readonly algorithm: string;
  readonly hash?: { readonly source: string; readonly name?: string; readonly ttlSeconds?: number };
  readonly spillAt?: number;
  readonly retries?: { readonly attempts?: number; readonly budgetPercent?: number };
  readonly timeouts?: {
    readonly connectMs?: number;
    readonly requestMs?: number;
    readonly idleMs?: number;
    readonly httpIdleMs?: number;
  };
  readonly outlier?: {
    readonly enabled?: boolean;
    readonly consecutiveFailures?: number;
    readonly serverErrors?: boolean;
    readonly baseEjectionMs?: number;
    readonly maxEjectionMs?: number;
    readonly maxEjectedPercent?: number;
  };
  readonly affinity?: { readonly type: string; readonly cookie?: string; readonly timeoutSeconds?: number };
}

export interface ExplainedTier {
  readonly tier: number;
  readonly clusters: readonly string[];
  readonly healthyPercent: number;
  readonly sharePercent: number;
  readonly why?: string;
}

export interface ExplainedCluster {
  readonly cluster: string;
  readonly siteId: string;
  readonly local: boolean;
  readonly tier?: number;
  readonly cost?: number;
  readonly sharePercent: number;
  readonly readyEndpoints: number;
  readonly endpoints: number;
}

export interface ExplainedEndpoint {
  readonly endpoint: string;
  readonly name: string;
  readonly cluster: string;
  readonly tier?: number;
  readonly state: "in" | "out";
  readonly why?: string;
  readonly sharePercent: number;
  readonly weight?: number;
  readonly inFlight?: number;
  readonly picked?: number;
  readonly latencyMs?: number;
  readonly ejectedForMs?: number;
}

/** What a router answered, once it is clear that this program can read it. Throws PROTOCOL otherwise. */
export function readExplanation(value: unknown, router: string): ServiceExplanation {
  if (isExplanation(value)) return value;
  throw new IsthmusError("PROTOCOL", `Router "${router}" answered in a form that this program cannot read`, {
    hint: "Is it of another version? Compare: isthmus version",
  });
}

function isExplanation(value: unknown): value is ServiceExplanation {
  if (typeof value !== "object" || value === null) return false;
  if (!("service" in value) || !("policy" in value) || typeof value.policy !== "object") return false;
  return LISTS.every((key) => Array.isArray(Reflect.get(value, key)));
}

const LISTS = ["tiers", "clusters", "endpoints"];

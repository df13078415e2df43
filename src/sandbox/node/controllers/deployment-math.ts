import { createHash } from "node:crypto";
import type { Deployment, PodTemplate } from "../types.ts";

export interface SetCount {
  /** spec.replicas of the ReplicaSet. */
  readonly desired: number;
  /** Pods that exist and count. */
  readonly pods: number;
  readonly available: number;
}

export interface RolloutBounds {
  readonly replicas: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export interface RolloutStep {
  /** New spec.replicas of the newest ReplicaSet. */
  readonly newest: number;
  /** New spec.replicas of each old one, in the order given (oldest first). */
  readonly old: readonly number[];
}

/** maxSurge rounds up, maxUnavailable rounds down; both 0 would stand still, so then one may be unavailable. */
export function rolloutBounds(deployment: Deployment): RolloutBounds {
  const replicas = deployment.spec.replicas ?? 1;
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const maxSurge = absolute(rolling?.maxSurge ?? "25%", { of: replicas, round: Math.ceil });
  const maxUnavailable = absolute(rolling?.maxUnavailable ?? "25%", { of: replicas, round: Math.floor });
  return { replicas, maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}

/**
 * One step of a rolling update (as kube-controller-manager's rolling.go): grow the newest set as far as maxSurge
 * lets it; when it cannot grow now, shrink old sets, first by what is not available there, then as far as
 * maxUnavailable lets them.
 */
export function rollingStep(
  bounds: RolloutBounds,
  sets: { newest: SetCount; old: readonly SetCount[] },
): RolloutStep {
  const { replicas, maxSurge, maxUnavailable } = bounds;
  const old = sets.old.map((set) => set.desired);
  const { newest } = sets;
  if (newest.desired > replicas) return { newest: replicas, old };
  const total = newest.desired + old.reduce((sum, desired) => sum + desired, 0);
  if (newest.desired < replicas) {
    const grow = Math.min(replicas + maxSurge - total, replicas - newest.desired);
    if (grow > 0) return { newest: newest.desired + grow, old };
  }
  const minAvailable = replicas - maxUnavailable;
  const newestUnavailable = newest.desired - newest.available;
  let budget = total - minAvailable - newestUnavailable;
  if (budget <= 0) return { newest: newest.desired, old };
  for (const [index, set] of sets.old.entries()) {
    const drop = Math.max(0, Math.min(budget, set.desired - set.available));
    old[index] = set.desired - drop;
    budget -= drop;
  }
  const available = newest.available + sets.old.reduce((sum, set) => sum + set.available, 0);
  let spare = available - minAvailable;
  for (const [index, desired] of old.entries()) {
    const drop = Math.max(0, Math.min(spare, desired));
    old[index] = desired - drop;
    spare -= drop;
  }
  return { newest: newest.desired, old };
}

/** `25%` of a number, or the number itself. */
export function absolute(
  value: number | string,
  options: { of: number; round: (value: number) => number },
): number {
  if (typeof value === "number") return Math.max(0, value);
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined
    ? Math.max(0, Number(value) || 0)
    : options.round((Number(percent) * options.of) / 100);
}

/** The pod-template-hash: the same for templates that mean the same, whatever the order of their fields. */
export function templateHash(template: PodTemplate): string {
  const { "pod-template-hash": _, ...labels } = template.metadata?.labels ?? {};
  const text = JSON.stringify(sorted({ ...template, metadata: { ...template.metadata, labels } }));
  const digest = createHash("sha256").update(text).digest();
  // The alphabet of Kubernetes' SafeEncodeString: no vowels, so that no word comes out.
  return [...digest.subarray(0, 9)].map((byte) => "bcdfghjklmnpqrstvwxz2456789"[byte % 27]).join("");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

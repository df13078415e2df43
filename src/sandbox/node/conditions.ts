import type { Condition, Pod } from "./types.ts";

/** Puts a condition in place of the one of its type; keeps the transition time while the status stays. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Condition,
  now: string,
): Condition[] {
  const list = [...(conditions ?? [])];
  const index = list.findIndex((condition) => condition.type === next.type);
  const old = list[index];
  const same = old?.status === next.status;
  const merged: Condition = {
    ...next,
    lastTransitionTime: (same ? old.lastTransitionTime : undefined) ?? now,
  };
  if (index < 0) list.push(merged);
  else list[index] = merged;
  return list;
}

export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, "Ready")?.status === "True";
}

/** Has run to its end and will not start again. */
export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/**
 * Milliseconds until a ready pod counts as available (0 = it does now); undefined while it is not ready or is going.
 */
export function availableInMs(
  pod: Pod,
  options: { minReadySeconds: number; nowMs: number },
): number | undefined {
  if (!isPodReady(pod) || pod.metadata.deletionTimestamp !== undefined) return undefined;
  if (options.minReadySeconds === 0) return 0;
  const since = Date.parse(conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime ?? "");
  return Math.max(0, since + options.minReadySeconds * 1000 - options.nowMs);
}

import { conditionOf, isPodReady } from "../conditions.ts";
import type { Pod } from "../types.ts";

const PHASE_RANK: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order in which a ReplicaSet gives them up (as kube-controller-manager's ActivePods): not yet bound, not
 * running, not ready, lower deletion cost, later ready, more restarts, younger.
 */
export function inDeletionOrder(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => {
    for (const rank of RANKS) {
      const difference = rank(a) - rank(b);
      if (difference !== 0) return difference;
    }
    return a.metadata.name < b.metadata.name ? -1 : 1;
  });
}

const RANKS: readonly ((pod: Pod) => number)[] = [
  (pod) => (pod.spec.nodeName === undefined ? 0 : 1),
  (pod) => PHASE_RANK[pod.status?.phase ?? "Pending"] ?? 1,
  (pod) => (isPodReady(pod) ? 1 : 0),
  (pod) => Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0,
  (pod) => -(Date.parse(conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime ?? "") || 0),
  (pod) => -(pod.status?.containerStatuses ?? []).reduce((sum, status) => sum + status.restartCount, 0),
  (pod) => -(Date.parse(pod.metadata.creationTimestamp ?? "") || 0),
];

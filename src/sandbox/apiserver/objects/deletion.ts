import type { KubeObject } from "../cluster-api.ts";

/** A deleted object goes with its last finalizer; a pod only when the kubelet says so (grace 0). */
export function isFinished(object: KubeObject): boolean {
  const { metadata } = object;
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers ?? []).length === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    !hasSpecFinalizers(object)
  );
}

export function hasSpecFinalizers(object: KubeObject): boolean {
  if (object.kind !== "Namespace" || object.apiVersion !== "v1") return false;
  const spec = object["spec"] as { finalizers?: string[] } | undefined;
  return (spec?.finalizers ?? []).length > 0;
}

/** Seconds a pod gets to end: none when no kubelet has it or it has ended. */
export function podGrace(pod: KubeObject, wanted: number | undefined): number {
  const spec = (pod["spec"] ?? {}) as { nodeName?: string; terminationGracePeriodSeconds?: number };
  const status = (pod["status"] ?? {}) as { phase?: string };
  if (!spec.nodeName || status.phase === "Succeeded" || status.phase === "Failed") return 0;
  const own = spec.terminationGracePeriodSeconds ?? 30;
  return Math.max(0, Math.min(wanted ?? own, 86_400));
}

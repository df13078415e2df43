import { conditionOf, withCondition } from "../conditions.ts";
import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from "../types.ts";
import { rolloutBounds } from "./deployment-math.ts";

interface Facts {
  readonly sets: readonly ReplicaSet[];
  readonly newest: ReplicaSet | undefined;
  readonly now: string;
  readonly nowMs: number;
}

/**
 * The status that `kubectl rollout status` reads: counts, Available, and Progressing with its deadline. `retryMs`:
 * when the deadline has to be looked at again.
 */
export function deploymentStatus(
  deployment: Deployment,
  { sets, newest, now, nowMs }: Facts,
): { status: DeploymentStatus; retryMs: number | undefined } {
  const old = deployment.status ?? {};
  const sum = (field: "replicas" | "readyReplicas" | "availableReplicas"): number =>
    sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const bounds = rolloutBounds(deployment);
  const counts = {
    replicas: sum("replicas"),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum("readyReplicas"),
    availableReplicas: sum("availableReplicas"),
  };
  const wanted = sets.reduce((total, set) => total + (set.spec.replicas ?? 0), 0);
  const status: DeploymentStatus = {
    ...old,
    ...counts,
    observedGeneration: deployment.metadata.generation ?? 0,
    unavailableReplicas: Math.max(0, wanted - counts.availableReplicas),
  };
  const enough = counts.availableReplicas >= bounds.replicas - bounds.maxUnavailable;
  const available: Condition = enough
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  const progressing = progress(deployment, { counts, newest, now, nowMs });
  status.conditions = withCondition(old.conditions, stamped(available, { old, now }), now);
  if (progressing !== undefined) {
    status.conditions = withCondition(status.conditions, stamped(progressing.condition, { old, now }), now);
  }
  return { status, retryMs: progressing?.retryMs };
}

interface Counts {
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
}

function progress(
  deployment: Deployment,
  { counts, newest, nowMs }: { counts: Counts; newest: ReplicaSet | undefined; now: string; nowMs: number },
): { condition: Condition; retryMs?: number } | undefined {
  const replicas = deployment.spec.replicas ?? 1;
  const old = deployment.status ?? {};
  const before = conditionOf(old.conditions, "Progressing");
  const set = newest?.metadata.name ?? "";
  if (deployment.spec.paused === true) {
    const message = "Deployment is paused";
    return { condition: { type: "Progressing", status: "Unknown", reason: "DeploymentPaused", message } };
  }
  const complete =
    counts.updatedReplicas === replicas &&
    counts.replicas === replicas &&
    counts.availableReplicas === replicas;
  if (complete) {
    const message = `ReplicaSet "${set}" has successfully progressed.`;
    return { condition: { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message } };
  }
  const moved =
    before === undefined ||
    before.reason === "DeploymentPaused" ||
    (old.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0) ||
    counts.updatedReplicas !== (old.updatedReplicas ?? 0) ||
    counts.readyReplicas > (old.readyReplicas ?? 0) ||
    counts.availableReplicas > (old.availableReplicas ?? 0) ||
    counts.replicas < (old.replicas ?? 0);
  const deadlineMs = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  if (moved) {
    const message = `ReplicaSet "${set}" is progressing.`;
    const lastUpdateTime = new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z");
    return {
      condition: {
        type: "Progressing",
        status: "True",
        reason: "ReplicaSetUpdated",
        message,
        lastUpdateTime,
      },
      retryMs: deadlineMs + 1000,
    };
  }
  // A Deployment that had been rolled out and lost pods since is not late.
  if (before.reason === "NewReplicaSetAvailable" || before.reason === "ProgressDeadlineExceeded") {
    return { condition: before };
  }
  const leftMs = Date.parse(before.lastUpdateTime ?? "") + deadlineMs - nowMs;
  if (!(leftMs <= 0)) return { condition: before, retryMs: Math.max(1000, leftMs || deadlineMs) };
  const message = `ReplicaSet "${set}" has timed out progressing.`;
  return { condition: { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message } };
}

/** lastUpdateTime moves when anything of the condition does. */
function stamped(next: Condition, { old, now }: { old: DeploymentStatus; now: string }): Condition {
  const before = conditionOf(old.conditions, next.type);
  const same =
    before !== undefined &&
    before.status === next.status &&
    before.reason === next.reason &&
    before.message === next.message;
  const kept = same ? before.lastUpdateTime : undefined;
  return { ...next, lastUpdateTime: next.lastUpdateTime ?? kept ?? now };
}

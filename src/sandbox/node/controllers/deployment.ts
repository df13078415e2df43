import { KeyedQueue } from "../keyed-queue.ts";
import { timestamp } from "../events.ts";
import { at, controllerOf, keyOf, splitKey } from "../store.ts";
import type { Deployment, ReplicaSet } from "../types.ts";
import type { Controller, ControllerContext } from "./context.ts";
import { rolloutBounds, rollingStep, templateHash } from "./deployment-math.ts";
import { deploymentStatus } from "./deployment-status.ts";

const REVISION = "deployment.kubernetes.io/revision";
const DESIRED = "deployment.kubernetes.io/desired-replicas";
const HASH = "pod-template-hash";

/** Rolls Deployments out over ReplicaSets: one per pod template, the newest grows while the old ones shrink. */
export function startDeploymentController(context: ControllerContext): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({
    name: "deployment",
    clock,
    handle: (key) => reconcile(context, { key, queue }),
  });
  stores.deployments.onChange((_type, object) => queue.add(keyOf(object)));
  stores.replicaSets.onChange((_type, set) => {
    const owner = controllerOf(set);
    if (owner?.kind === "Deployment") queue.add(`${set.metadata.namespace ?? ""}/${owner.name}`);
  });
  // Recreate waits for the last old pod to be gone.
  stores.pods.onChange((type, pod) => {
    const owner = controllerOf(pod);
    if (type !== "DELETED" || owner?.kind !== "ReplicaSet") return;
    const set = stores.replicaSets.get(pod.metadata.namespace ?? "", owner.name);
    const deployment = set === undefined ? undefined : controllerOf(set);
    if (deployment !== undefined) queue.add(`${pod.metadata.namespace ?? ""}/${deployment.name}`);
  });
  return queue;
}

function reconcile(context: ControllerContext, { key, queue }: { key: string; queue: KeyedQueue }): void {
  const { namespace, name } = splitKey(key);
  const deployment = context.stores.deployments.get(namespace, name);
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
  const paused = deployment.spec.paused === true;
  const newest = findNewest(context, deployment) ?? (paused ? undefined : createSet(context, deployment));
  const old = setsOf(context, deployment).filter((set) => set.metadata.uid !== newest?.metadata.uid);
  if (newest !== undefined) {
    noteRevision(context, { deployment, newest, old });
    const step = nextStep(context, { deployment, newest, old });
    for (const [index, set] of old.entries())
      scale(context, { deployment, set, replicas: step.old[index] ?? 0 });
    scale(context, { deployment, set: newest, replicas: step.newest });
  }
  const retryMs = writeStatus(context, deployment);
  if (retryMs !== undefined) queue.addAfter(key, retryMs);
  if (newest !== undefined) forgetHistory(context, { deployment, newest });
}

function nextStep(
  { stores }: ControllerContext,
  { deployment, newest, old }: { deployment: Deployment; newest: ReplicaSet; old: ReplicaSet[] },
): { newest: number; old: readonly number[] } {
  const bounds = rolloutBounds(deployment);
  const held = old.map((set) => set.spec.replicas ?? 0);
  if (deployment.spec.paused === true) {
    const active = [newest, ...old].filter((set) => (set.spec.replicas ?? 0) > 0);
    // A paused rollout stands still, but a Deployment that is not in the middle of one can be scaled.
    if (active.length > 1) return { newest: newest.spec.replicas ?? 0, old: held };
    const holder = active[0] ?? newest;
    return {
      newest: holder === newest ? bounds.replicas : 0,
      old: old.map((set) => (set === holder ? bounds.replicas : 0)),
    };
  }
  if (deployment.spec.strategy?.type === "Recreate") {
    const oldPods = old.some((set) => stores.pods.ownedBy(set.metadata.uid ?? "").length > 0);
    return { newest: oldPods ? (newest.spec.replicas ?? 0) : bounds.replicas, old: old.map(() => 0) };
  }
  if (held.every((replicas) => replicas === 0)) return { newest: bounds.replicas, old: held };
  return rollingStep(bounds, { newest: countOf(newest), old: old.map(countOf) });
}

function countOf(set: ReplicaSet): { desired: number; pods: number; available: number } {
  const desired = set.spec.replicas ?? 0;
  return {
    desired,
    pods: set.status?.replicas ?? 0,
    available: Math.min(desired, set.status?.availableReplicas ?? 0),
  };
}

/** The ReplicaSets of a Deployment, oldest revision first. */
function setsOf({ stores }: ControllerContext, deployment: Deployment): ReplicaSet[] {
  return stores.replicaSets
    .ownedBy(deployment.metadata.uid ?? "")
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

function findNewest(context: ControllerContext, deployment: Deployment): ReplicaSet | undefined {
  const hash = templateHash(deployment.spec.template);
  return setsOf(context, deployment).find((set) => set.metadata.labels?.[HASH] === hash);
}

function createSet(context: ControllerContext, deployment: Deployment): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template);
  const labels = { ...template.metadata?.labels, [HASH]: hash };
  const older = setsOf(context, deployment);
  const bounds = rolloutBounds(deployment);
  const running = older.reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0);
  const rolling = deployment.spec.strategy?.type !== "Recreate";
  const room = rolling ? bounds.replicas + bounds.maxSurge - running : running === 0 ? bounds.replicas : 0;
  return context.stores.replicaSets.create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? "",
      labels,
      annotations: {
        [REVISION]: String(Math.max(0, ...older.map(revisionOf)) + 1),
        [DESIRED]: String(bounds.replicas),
      },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: deployment.metadata.name,
          uid: deployment.metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas: Math.max(0, Math.min(bounds.replicas, room)),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...structuredClone(selector), matchLabels: { ...selector.matchLabels, [HASH]: hash } },
      template: { ...structuredClone(template), metadata: { ...structuredClone(template.metadata), labels } },
    },
  });
}

/** The set in use has the highest revision (a rollback raises an old one again), and the Deployment names it. */
function noteRevision(
  { stores }: ControllerContext,
  { deployment, newest, old }: { deployment: Deployment; newest: ReplicaSet; old: ReplicaSet[] },
): void {
  const highest = Math.max(0, ...old.map(revisionOf));
  const revision = revisionOf(newest) > highest ? revisionOf(newest) : highest + 1;
  if (revision !== revisionOf(newest)) {
    stores.replicaSets.mutate(at(newest), (draft) => {
      draft.metadata.annotations = { ...draft.metadata.annotations, [REVISION]: String(revision) };
      return draft;
    });
  }
  if (deployment.metadata.annotations?.[REVISION] === String(revision)) return;
  stores.deployments.mutate(at(deployment), (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, [REVISION]: String(revision) };
    return draft;
  });
}

function scale(
  context: ControllerContext,
  { deployment, set, replicas }: { deployment: Deployment; set: ReplicaSet; replicas: number },
): void {
  const before = set.spec.replicas ?? 0;
  if (before === replicas) return;
  context.stores.replicaSets.mutate(at(set), (draft) => {
    draft.spec.replicas = replicas;
    draft.metadata.annotations = {
      ...draft.metadata.annotations,
      [DESIRED]: String(deployment.spec.replicas ?? 1),
    };
    return draft;
  });
  const direction = replicas > before ? "up" : "down";
  context.events.record(deployment, {
    type: "Normal",
    reason: "ScalingReplicaSet",
    message: `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
  });
}

function writeStatus(context: ControllerContext, deployment: Deployment): number | undefined {
  const newest = findNewest(context, deployment);
  let retryMs: number | undefined;
  context.stores.deployments.mutateStatus(at(deployment), (draft) => {
    const nowMs = context.clock.now();
    const next = deploymentStatus(draft, {
      sets: setsOf(context, deployment),
      newest,
      now: timestamp(nowMs),
      nowMs,
    });
    retryMs = next.retryMs;
    return { ...draft, status: next.status };
  });
  return retryMs;
}

/** Deletes empty old sets past revisionHistoryLimit, oldest first. */
function forgetHistory(
  context: ControllerContext,
  { deployment, newest }: { deployment: Deployment; newest: ReplicaSet },
): void {
  const empty = setsOf(context, deployment).filter(
    (set) =>
      set.metadata.uid !== newest.metadata.uid &&
      (set.spec.replicas ?? 0) === 0 &&
      (set.status?.replicas ?? 0) === 0,
  );
  const excess = empty.length - (deployment.spec.revisionHistoryLimit ?? 10);
  for (const set of empty.slice(0, Math.max(0, excess))) context.stores.replicaSets.delete(at(set));
}

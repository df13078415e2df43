import { messageOf } from "#core/errors.ts";
import { availableInMs, isPodFinished, isPodReady } from "../conditions.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { matchesSelector } from "../selector.ts";
import { at, controllerOf, keyOf, splitKey } from "../store.ts";
import type { Pod, ReplicaSet } from "../types.ts";
import type { Controller, ControllerContext } from "./context.ts";
import { inDeletionOrder } from "./deletion-order.ts";

/**
 * Keeps as many pods as a ReplicaSet asks for: makes all missing ones at once, takes the least useful ones away
 * first, adopts matching pods without an owner, and counts.
 */
export function startReplicaSetController(context: ControllerContext): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({
    name: "replicaset",
    clock,
    handle: (key) => reconcile(context, { key, queue }),
  });
  stores.replicaSets.onChange((_type, object) => queue.add(keyOf(object)));
  stores.pods.onChange((type, pod, old) => {
    for (const object of old === undefined ? [pod] : [pod, old]) {
      const owner = controllerOf(object);
      if (owner?.kind === "ReplicaSet") queue.add(`${object.metadata.namespace ?? ""}/${owner.name}`);
      else if (owner === undefined && type !== "DELETED") {
        for (const set of stores.replicaSets.list(object.metadata.namespace ?? "")) {
          if (matchesSelector(set.spec.selector, object.metadata.labels)) queue.add(keyOf(set));
        }
      }
    }
  });
  return queue;
}

function reconcile(context: ControllerContext, { key, queue }: { key: string; queue: KeyedQueue }): void {
  const { stores } = context;
  const { namespace, name } = splitKey(key);
  const set = stores.replicaSets.get(namespace, name);
  if (set === undefined) return;
  if (set.metadata.deletionTimestamp === undefined) claim(context, set);
  const active = activePods(context, set);
  if (set.metadata.deletionTimestamp === undefined) manage(context, { set, active });
  const retryMs = writeStatus(context, set);
  if (retryMs !== undefined) queue.addAfter(key, retryMs);
}

/** Pods of the set that count: not finished, not on their way out. */
function activePods({ stores }: ControllerContext, set: ReplicaSet): Pod[] {
  return stores.pods
    .ownedBy(set.metadata.uid ?? "")
    .filter((pod) => !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
}

/** Adopts matching orphans and lets go of pods whose labels no longer match. */
function claim({ stores }: ControllerContext, set: ReplicaSet): void {
  const uid = set.metadata.uid ?? "";
  for (const pod of stores.pods.ownedBy(uid)) {
    if (matchesSelector(set.spec.selector, pod.metadata.labels)) continue;
    stores.pods.mutate(at(pod), (draft) => {
      draft.metadata.ownerReferences = (draft.metadata.ownerReferences ?? []).filter(
        (owner) => owner.uid !== uid,
      );
      return draft;
    });
  }
  for (const pod of stores.pods.list(set.metadata.namespace ?? "")) {
    const going = pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod);
    if (going || controllerOf(pod) !== undefined || !matchesSelector(set.spec.selector, pod.metadata.labels))
      continue;
    stores.pods.mutate(at(pod), (draft) => {
      draft.metadata.ownerReferences = [...(draft.metadata.ownerReferences ?? []), ownedBy(set)];
      return draft;
    });
  }
}

function manage(context: ControllerContext, { set, active }: { set: ReplicaSet; active: Pod[] }): void {
  const missing = (set.spec.replicas ?? 1) - active.length;
  for (let index = 0; index < missing; index++) createPod(context, set);
  if (missing < 0) {
    for (const pod of inDeletionOrder(active).slice(0, -missing)) {
      context.stores.pods.delete(at(pod));
      context.events.record(set, {
        type: "Normal",
        reason: "SuccessfulDelete",
        message: `Deleted pod: ${pod.metadata.name}`,
      });
    }
  }
}

function createPod({ stores, events, nodeName }: ControllerContext, set: ReplicaSet): void {
  const { metadata, spec } = set.spec.template;
  try {
    const pod = stores.pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        generateName: `${set.metadata.name}-`,
        namespace: set.metadata.namespace ?? "",
        labels: { ...metadata?.labels },
        ...(metadata?.annotations === undefined ? {} : { annotations: { ...metadata.annotations } }),
        ownerReferences: [ownedBy(set)],
      },
      spec: { ...structuredClone(spec), nodeName: spec.nodeName ?? nodeName },
    });
    const message = `Created pod: ${pod.metadata.name}`;
    events.record(set, { type: "Normal", reason: "SuccessfulCreate", message });
  } catch (error) {
    const message = `Error creating: ${messageOf(error)}`;
    events.record(set, { type: "Warning", reason: "FailedCreate", message });
    throw error;
  }
}

function ownedBy(set: ReplicaSet) {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: set.metadata.name,
    uid: set.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Answers when to look again, because a ready pod becomes an available one by time alone. */
function writeStatus(context: ControllerContext, set: ReplicaSet): number | undefined {
  const pods = activePods(context, set);
  const templateLabels = set.spec.template.metadata?.labels ?? {};
  let available = 0;
  let retryMs: number | undefined;
  for (const pod of pods) {
    const waitMs = availableInMs(pod, {
      minReadySeconds: set.spec.minReadySeconds ?? 0,
      nowMs: context.clock.now(),
    });
    if (waitMs === 0) available++;
    else if (waitMs !== undefined) retryMs = Math.min(retryMs ?? waitMs, waitMs);
  }
  const status = {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) =>
      matchesSelector({ matchLabels: templateLabels }, pod.metadata.labels),
    ).length,
    readyReplicas: pods.filter(isPodReady).length,
    availableReplicas: available,
    observedGeneration: set.metadata.generation ?? 0,
  };
  context.stores.replicaSets.mutateStatus(at(set), (draft) => ({
    ...draft,
    status: { ...draft.status, ...status },
  }));
  return retryMs;
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "#core/errors.ts";
import { availableInMs, isPodFinished, isPodReady } from "../conditions.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { matchesSelector } from "../selector.ts";
import { at, controllerOf, keyOf, splitKey } from "../store.ts";
import type { ControllerRevision, Pod, StatefulSet, StatefulSetStatus, Volume } from "../types.ts";
import type { Controller, ControllerContext } from "./context.ts";
import { forgetRevisions, latestRevision, revisionsOf, setReference, templateOf } from "./revisions.ts";

const REVISION = "controller-revision-hash";
const POD_NAME = "statefulset.kubernetes.io/pod-name";
const BLOCKED_RETRY_MS = 5000;
const POD_INDEX = "apps.kubernetes.io/pod-index";

export interface StatefulSetOptions {
  /** Where the directories of volumeClaimTemplates are, by namespace and `<claim>-<pod>`. */
  readonly claimsDir: string;
}

/**
 * Keeps the pods `<set>-0`, `<set>-1` ... of StatefulSets: made in order, each when the one before is ready (all at once with
 * Parallel), taken away from the end, replaced from the end when the template changes.
 */
export function startStatefulSetController(
  context: ControllerContext,
  options: StatefulSetOptions,
): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({
    name: "statefulset",
    clock,
    handle: (key) => {
      const { namespace, name } = splitKey(key);
      const set = stores.statefulSets.get(namespace, name);
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
      const retryMs = new Reconciliation(context, { ...options, set }).run();
      if (retryMs !== undefined) queue.addAfter(key, retryMs);
    },
  });
  stores.statefulSets.onChange((_type, set) => queue.add(keyOf(set)));
  stores.pods.onChange((_type, pod) => {
    const owner = controllerOf(pod);
    const namespace = pod.metadata.namespace ?? "";
    if (owner?.kind === "StatefulSet") queue.add(`${namespace}/${owner.name}`);
    // One without an owner may have a name that a set waits for.
    else if (owner === undefined)
      queue.add(`${namespace}/${pod.metadata.name.slice(0, pod.metadata.name.lastIndexOf("-"))}`);
  });
  return queue;
}

/** One look at one set: at most one step where order counts. */
class Reconciliation {
  readonly #context: ControllerContext;
  readonly #set: StatefulSet;
  readonly #claimsDir: string;
  readonly #update: ControllerRevision;
  readonly #current: ControllerRevision;
  readonly #ordered: boolean;
  readonly #start: number;
  readonly #replicas: number;
  /** Somebody else's pod has a name of ours. */
  #blocked = false;

  constructor(context: ControllerContext, { set, claimsDir }: StatefulSetOptions & { set: StatefulSet }) {
    this.#context = context;
    this.#set = set;
    this.#claimsDir = claimsDir;
    this.#update = latestRevision(context, set);
    const current = set.status?.currentRevision;
    this.#current =
      revisionsOf(context, set).find(({ metadata }) => metadata.name === current) ?? this.#update;
    this.#ordered = set.spec.podManagementPolicy !== "Parallel";
    this.#start = set.spec.ordinals?.start ?? 0;
    this.#replicas = set.spec.replicas ?? 1;
  }

  /** Answers when to look again, because a ready pod becomes an available one by time alone. */
  run(): number | undefined {
    if (this.#fill() && this.#shrink()) this.#roll();
    const used = new Set(this.#pods().map(revisionOf));
    const retryMs = this.#writeStatus();
    for (const { metadata } of [this.#update, this.#current]) used.add(metadata.name);
    forgetRevisions(this.#context, { set: this.#set, used });
    return this.#blocked ? Math.min(retryMs ?? BLOCKED_RETRY_MS, BLOCKED_RETRY_MS) : retryMs;
  }

  /** Own pods, by ordinal. */
  #pods(): Pod[] {
    return this.#context.stores.pods
      .ownedBy(this.#set.metadata.uid ?? "")
      .filter((pod) => this.#ordinalOf(pod) >= 0)
      .toSorted((a, b) => this.#ordinalOf(a) - this.#ordinalOf(b));
  }

  /** -1 for a name that is none of this set. */
  #ordinalOf({ metadata }: Pod): number {
    const { name } = this.#set.metadata;
    const rest = metadata.name.startsWith(`${name}-`) ? metadata.name.slice(name.length + 1) : "";
    return /^\d+$/.test(rest) ? Number(rest) : -1;
  }

  #isHealthy(pod: Pod): boolean {
    const minReadySeconds = this.#set.spec.minReadySeconds ?? 0;
    return availableInMs(pod, { minReadySeconds, nowMs: this.#context.clock.now() }) === 0;
  }

  /** Makes what is missing; false when it has to wait. */
  #fill(): boolean {
    const { stores } = this.#context;
    const { namespace = "", name } = this.#set.metadata;
    for (let ordinal = this.#start; ordinal < this.#start + this.#replicas; ordinal++) {
      const pod = stores.pods.get(namespace, `${name}-${ordinal}`);
      if (pod !== undefined && !this.#isOwn(pod)) return false;
      if (pod === undefined) {
        this.#create(ordinal);
        if (this.#ordered) return false;
      } else if (isPodFinished(pod) && !isGoing(pod)) {
        // Its end makes room for a new one of the same name.
        this.#delete(pod);
        if (this.#ordered) return false;
      } else if (this.#ordered && !this.#isHealthy(pod)) return false;
    }
    return true;
  }

  /** Takes away what is too many, from the end; false when it has to wait. */
  #shrink(): boolean {
    const end = this.#start + this.#replicas;
    const excess = this.#pods().filter(
      (pod) => this.#ordinalOf(pod) >= end || this.#ordinalOf(pod) < this.#start,
    );
    for (const pod of excess.toReversed()) {
      if (!isGoing(pod)) this.#delete(pod);
      if (this.#ordered) return false;
    }
    return excess.length === 0;
  }

  /** Replaces pods of another template, from the end, each when those behind it are well. */
  #roll(): void {
    const { type, rollingUpdate } = this.#set.spec.updateStrategy ?? {};
    if (type === "OnDelete") return;
    const from = this.#start + (rollingUpdate?.partition ?? 0);
    for (const pod of this.#pods().toReversed()) {
      if (this.#ordinalOf(pod) < from) return;
      if (revisionOf(pod) !== this.#update.metadata.name && !isGoing(pod)) {
        this.#delete(pod);
        return;
      }
      if (!this.#isHealthy(pod)) return;
    }
  }

  /** A pod without an owner that the selector matches becomes ours; another's is in the way. */
  #isOwn(pod: Pod): boolean {
    const owner = controllerOf(pod);
    if (owner?.uid === this.#set.metadata.uid) return true;
    if (owner !== undefined || !matchesSelector(this.#set.spec.selector, pod.metadata.labels)) {
      this.#blocked = true;
      this.#event("Warning", "FailedCreate", `Pod ${pod.metadata.name} is there and is not of this set`);
      return false;
    }
    this.#context.stores.pods.mutate(at(pod), (draft) => {
      draft.metadata.ownerReferences = [...(draft.metadata.ownerReferences ?? []), setReference(this.#set)];
      return draft;
    });
    return true;
  }

  #create(ordinal: number): void {
    const { metadata, spec } = this.#set;
    const name = `${metadata.name}-${ordinal}`;
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    const revision = ordinal < this.#start + partition ? this.#current : this.#update;
    const template = structuredClone(templateOf(revision));
    const labels = {
      ...template.metadata?.labels,
      [REVISION]: revision.metadata.name,
      [POD_NAME]: name,
      [POD_INDEX]: String(ordinal),
    };
    const volumes = this.#volumes(name, template.spec.volumes ?? []);
    try {
      this.#context.stores.pods.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name,
          namespace: metadata.namespace ?? "",
          labels,
          ...(template.metadata?.annotations === undefined
            ? {}
            : { annotations: template.metadata.annotations }),
          ownerReferences: [setReference(this.#set)],
        },
        spec: {
          ...template.spec,
          hostname: name,
          ...(spec.serviceName === undefined || spec.serviceName === ""
            ? {}
            : { subdomain: spec.serviceName }),
          nodeName: template.spec.nodeName ?? this.#context.nodeName,
          ...(volumes.length === 0 ? {} : { volumes }),
        },
      });
      this.#event(
        "Normal",
        "SuccessfulCreate",
        `create Pod ${name} in StatefulSet ${metadata.name} successful`,
      );
    } catch (error) {
      const why = messageOf(error);
      this.#event(
        "Warning",
        "FailedCreate",
        `create Pod ${name} in StatefulSet ${metadata.name} failed: ${why}`,
      );
      throw error;
    }
  }

  /** A claim is a directory of its own that stays as long as the cluster. */
  #volumes(pod: string, others: readonly Volume[]): Volume[] {
    const names = (this.#set.spec.volumeClaimTemplates ?? []).flatMap(({ metadata }) => metadata?.name ?? []);
    const claims = names.map((name): Volume => {
      const path = join(this.#claimsDir, this.#set.metadata.namespace ?? "", `${name}-${pod}`);
      mkdirSync(path, { recursive: true, mode: 0o755 });
      return { name, hostPath: { path } };
    });
    return [...others.filter(({ name }) => !names.includes(name)), ...claims];
  }

  #delete(pod: Pod): void {
    const { name } = pod.metadata;
    this.#context.stores.pods.delete(at(pod));
    const message = `delete Pod ${name} in StatefulSet ${this.#set.metadata.name} successful`;
    this.#event("Normal", "SuccessfulDelete", message);
  }

  #event(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.events.record(this.#set, { type, reason, message });
  }

  #writeStatus(): number | undefined {
    const { clock, stores } = this.#context;
    const pods = this.#pods();
    const [update, current] = [this.#update.metadata.name, this.#current.metadata.name];
    const countOf = (revision: string): number =>
      pods.filter((pod) => !isGoing(pod) && revisionOf(pod) === revision).length;
    let available = 0;
    let retryMs: number | undefined;
    for (const pod of pods) {
      const waitMs = availableInMs(pod, {
        minReadySeconds: this.#set.spec.minReadySeconds ?? 0,
        nowMs: clock.now(),
      });
      if (waitMs === 0) available++;
      else if (waitMs !== undefined) retryMs = Math.min(retryMs ?? waitMs, waitMs);
    }
    const ready = pods.filter(isPodReady).length;
    const updated = countOf(update);
    // The roll-out is over when every pod is of the new template, and ready.
    const done =
      this.#set.spec.updateStrategy?.type !== "OnDelete" && updated === pods.length && ready === pods.length;
    const status: StatefulSetStatus = {
      observedGeneration: this.#set.metadata.generation ?? 0,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: available,
      currentReplicas: done ? updated : countOf(current),
      updatedReplicas: updated,
      currentRevision: done ? update : current,
      updateRevision: update,
      collisionCount: 0,
    };
    stores.statefulSets.mutateStatus(at(this.#set), (draft) => ({
      ...draft,
      status: { ...draft.status, ...status },
    }));
    return retryMs;
  }
}

function isGoing(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[REVISION] ?? "";
}

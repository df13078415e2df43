import { messageOf } from "#core/errors.ts";
import { conditionOf, isPodFinished, isPodReady, withCondition } from "../conditions.ts";
import { timestamp } from "../events.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { at, controllerOf, keyOf, splitKey } from "../store.ts";
import type { Job, Pod } from "../types.ts";
import type { Controller, ControllerContext } from "./context.ts";

/** After a failed pod the next one waits 10 s, 20 s ... 6 min, as upstream. */
const BACKOFF_MS = 10_000;
const BACKOFF_CAP_MS = 360_000;

/** Runs the pods of Jobs until enough have succeeded, too many have failed, or the time is over. */
export function startJobController(context: ControllerContext): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({
    name: "job",
    clock,
    handle: (key) => {
      const { namespace, name } = splitKey(key);
      const job = stores.jobs.get(namespace, name);
      if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
      const retryMs = reconcile(context, job);
      if (retryMs !== undefined) queue.addAfter(key, retryMs);
    },
  });
  stores.jobs.onChange((_type, job) => queue.add(keyOf(job)));
  stores.pods.onChange((_type, pod) => {
    const owner = controllerOf(pod);
    if (owner?.kind === "Job") queue.add(`${pod.metadata.namespace ?? ""}/${owner.name}`);
  });
  return queue;
}

interface Counts {
  readonly active: readonly Pod[];
  readonly succeeded: number;
  readonly failed: readonly Pod[];
}

type Verdict =
  | { readonly type: "Complete" | "Failed"; readonly reason: string; readonly message: string }
  | undefined;

/** Answers when to look again, ms. */
function reconcile(context: ControllerContext, job: Job): number | undefined {
  const { conditions } = job.status ?? {};
  const over = ["Complete", "Failed"].some((type) => conditionOf(conditions, type)?.status === "True");
  if (over) return expire(context, job);
  const nowMs = context.clock.now();
  const startedMs = Date.parse(job.status?.startTime ?? "") || nowMs;
  const counts = countPods(context, job);
  const { suspend, activeDeadlineSeconds } = job.spec;
  const leftMs =
    activeDeadlineSeconds === undefined ? undefined : startedMs + activeDeadlineSeconds * 1000 - nowMs;
  const verdict =
    suspend === true ? undefined : judge(job, { counts, late: leftMs !== undefined && leftMs <= 0 });
  const wanted = verdict === undefined && suspend !== true ? wantedPods(job, counts) : 0;
  for (const pod of counts.active.slice(wanted)) context.stores.pods.delete(at(pod));
  const waitMs = wanted > counts.active.length ? backoffMs(counts.failed, nowMs) : 0;
  if (waitMs === 0) for (let n = counts.active.length; n < wanted; n++) createPod(context, job);
  writeStatus(context, job, verdict);
  if (verdict !== undefined)
    context.events.record(job, {
      type: verdict.type === "Complete" ? "Normal" : "Warning",
      reason: verdict.type === "Complete" ? "Completed" : verdict.reason,
      message: verdict.type === "Complete" ? "Job completed" : verdict.message,
    });
  const times = [waitMs, leftMs ?? 0].filter((ms) => ms > 0);
  return times.length === 0 || verdict !== undefined ? undefined : Math.min(...times);
}

function countPods({ stores }: ControllerContext, job: Job): Counts {
  const pods = stores.pods.ownedBy(job.metadata.uid ?? "");
  const phase = (wanted: string): Pod[] => pods.filter(({ status }) => status?.phase === wanted);
  return {
    active: pods.filter((pod) => !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined),
    succeeded: phase("Succeeded").length,
    failed: phase("Failed"),
  };
}

function judge(job: Job, { counts, late }: { counts: Counts; late: boolean }): Verdict {
  const { completions, backoffLimit = 6 } = job.spec;
  const done =
    completions === undefined
      ? counts.succeeded > 0 && counts.active.length === 0
      : counts.succeeded >= completions;
  if (done) {
    const message = "Reached expected number of succeeded pods";
    return { type: "Complete", reason: "CompletionsReached", message };
  }
  const restarts = counts.active
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  if (counts.failed.length + restarts > backoffLimit) {
    const message = "Job has reached the specified backoff limit";
    return { type: "Failed", reason: "BackoffLimitExceeded", message };
  }
  if (!late) return undefined;
  const message = "Job was active longer than specified deadline";
  return { type: "Failed", reason: "DeadlineExceeded", message };
}

function wantedPods({ spec }: Job, { active, succeeded }: Counts): number {
  const { completions, parallelism = 1 } = spec;
  if (completions !== undefined) return Math.min(parallelism, completions - succeeded);
  // The first that succeeds says that there is no more work.
  return succeeded > 0 ? active.length : parallelism;
}

function backoffMs(failed: readonly Pod[], nowMs: number): number {
  const ends = failed
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .map(({ state }) => Date.parse(state.terminated?.finishedAt ?? "") || 0);
  if (ends.length === 0) return 0;
  const delayMs = Math.min(BACKOFF_CAP_MS, BACKOFF_MS * 2 ** (failed.length - 1));
  return Math.max(0, Math.max(...ends) + delayMs - nowMs);
}

function createPod({ stores, events, nodeName }: ControllerContext, job: Job): void {
  const { metadata, spec } = structuredClone(job.spec.template);
  try {
    const pod = stores.pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...metadata,
        generateName: `${job.metadata.name}-`,
        namespace: job.metadata.namespace ?? "",
        ownerReferences: [
          {
            apiVersion: "batch/v1",
            kind: "Job",
            name: job.metadata.name,
            uid: job.metadata.uid ?? "",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: { ...spec, nodeName: spec.nodeName ?? nodeName },
    });
    const message = `Created pod: ${pod.metadata.name}`;
    events.record(job, { type: "Normal", reason: "SuccessfulCreate", message });
  } catch (error) {
    const message = `Error creating: ${messageOf(error)}`;
    events.record(job, { type: "Warning", reason: "FailedCreate", message });
    throw error;
  }
}

function writeStatus(context: ControllerContext, job: Job, verdict: Verdict): void {
  const { active, succeeded, failed } = countPods(context, job);
  const now = timestamp(context.clock.now());
  const suspended = job.spec.suspend === true;
  context.stores.jobs.mutateStatus(at(job), (draft) => {
    const before = draft.status ?? {};
    let { conditions } = before;
    if (verdict !== undefined) conditions = withCondition(conditions, { ...verdict, status: "True" }, now);
    if (suspended || conditionOf(conditions, "Suspended") !== undefined) {
      const reason = suspended ? "JobSuspended" : "JobResumed";
      conditions = withCondition(
        conditions,
        { type: "Suspended", status: suspended ? "True" : "False", reason },
        now,
      );
    }
    const status: Job["status"] = {
      ...before,
      active: verdict === undefined ? active.length : 0,
      ready: active.filter(isPodReady).length,
      succeeded,
      failed: failed.length,
      ...(suspended && before.startTime === undefined ? {} : { startTime: before.startTime ?? now }),
      ...(verdict?.type === "Complete" ? { completionTime: now } : {}),
      ...(conditions === undefined ? {} : { conditions }),
    };
    return { ...draft, status };
  });
}

/** A finished job goes with its pods when its time is over. */
function expire({ stores, clock }: ControllerContext, job: Job): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined) return undefined;
  const times = (job.status?.conditions ?? []).map((each) => Date.parse(each.lastTransitionTime ?? "") || 0);
  const leftMs = Math.max(0, ...times) + ttlSecondsAfterFinished * 1000 - clock.now();
  if (leftMs > 0) return leftMs;
  stores.jobs.delete(at(job));
  return undefined;
}

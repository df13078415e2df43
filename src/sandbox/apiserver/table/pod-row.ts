import type { KubeObject } from "../cluster-api.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";
import { ageOf } from "./human-duration.ts";

const record = (value: unknown): JsonObject => (isObject(value) ? value : {});
const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Why a container is not running, as `kubectl get pods` says it; undefined while it runs. */
function reasonOf(status: JsonObject): string | undefined {
  const state = record(status["state"]);
  const waiting = record(state["waiting"]);
  if (text(waiting["reason"]) !== "") return text(waiting["reason"]);
  if (!isObject(state["terminated"])) return undefined;
  const ended = state["terminated"];
  if (text(ended["reason"]) !== "") return text(ended["reason"]);
  const signal = ended["signal"];
  return typeof signal === "number" && signal !== 0
    ? `Signal:${signal}`
    : `ExitCode:${String(ended["exitCode"])}`;
}

function initReason(statuses: readonly JsonObject[], total: number): string | undefined {
  for (const [index, status] of statuses.entries()) {
    const state = record(status["state"]);
    if (isObject(state["terminated"]) && state["terminated"]["exitCode"] === 0) continue;
    const reason = reasonOf(status);
    if (reason !== undefined && reason !== "PodInitializing") return `Init:${reason}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

/** The row of a pod (kube-apiserver printPod). */
export function podCells(object: KubeObject, nowMs: number): unknown[] {
  const { metadata } = object;
  const spec = record(object["spec"]);
  const status = record(object["status"]);
  const statuses = list(status["containerStatuses"]);
  const inits = list(status["initContainerStatuses"]);
  let reason = text(status["reason"]) || text(status["phase"]) || "Unknown";
  const init = initReason(inits, list(spec["initContainers"]).length);
  if (init !== undefined) reason = init;
  else {
    for (const container of statuses.toReversed()) reason = reasonOf(container) ?? reason;
    if (reason === "Completed" && statuses.some((container) => isRunning(container))) {
      const ready = list(status["conditions"]).some(
        (condition) => condition["type"] === "Ready" && condition["status"] === "True",
      );
      reason = ready ? "Running" : "NotReady";
    }
  }
  if (metadata.deletionTimestamp !== undefined) {
    reason = status["reason"] === "NodeLost" ? "Unknown" : "Terminating";
  }
  const ready = statuses.filter((container) => container["ready"] === true && isRunning(container)).length;
  return [
    metadata.name,
    `${ready}/${list(spec["containers"]).length}`,
    reason,
    restartsText(statuses, nowMs),
    ageOf(metadata.creationTimestamp, nowMs),
    text(status["podIP"]) || "<none>",
    text(spec["nodeName"]) || "<none>",
    text(status["nominatedNodeName"]) || "<none>",
    "<none>",
  ];
}

const isRunning = (container: JsonObject): boolean => isObject(record(container["state"])["running"]);

function restartsText(statuses: readonly JsonObject[], nowMs: number): string {
  const restarts = statuses.reduce((sum, container) => sum + Number(container["restartCount"] ?? 0), 0);
  const last = statuses
    .map((container) => text(record(record(container["lastState"])["terminated"])["finishedAt"]))
    .filter((time) => time !== "")
    .toSorted()
    .at(-1);
  return restarts === 0 || last === undefined ? String(restarts) : `${restarts} (${ageOf(last, nowMs)} ago)`;
}

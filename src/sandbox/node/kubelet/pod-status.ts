import { conditionOf, withCondition } from "../conditions.ts";
import type { Condition, ContainerStatus, Pod, PodPhase, PodStatus } from "../types.ts";

export interface PodFacts {
  readonly podIp: string | undefined;
  readonly hostIp: string;
  readonly startTime: string;
  readonly now: string;
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  /** The pod was asked to end: its containers will not start again. */
  readonly ending: boolean;
}

/** The status of a pod as the kubelet writes it: phase, conditions, containers, addresses. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const { podIp, hostIp, now, init, main } = facts;
  const phase = phaseOf(pod, facts);
  const finished = phase === "Succeeded" || phase === "Failed";
  const initialized = init.every((status) => status.state.terminated?.exitCode === 0);
  const unready = main.filter((status) => !status.ready).map((status) => status.name);
  const gates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => conditionOf(pod.status?.conditions, conditionType)?.status !== "True",
  );
  const done = finished ? { reason: phase === "Succeeded" ? "PodCompleted" : "PodFailed" } : undefined;
  const notReady = done ?? {
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
  const containersReady: Condition =
    initialized && unready.length === 0
      ? { type: "ContainersReady", status: "True" }
      : { type: "ContainersReady", status: "False", ...notReady };
  const ready: Condition =
    containersReady.status === "True" && gates.length > 0
      ? {
          type: "Ready",
          status: "False",
          reason: "ReadinessGatesNotReady",
          message: `readiness gates not ready: ${gates.map((gate) => gate.conditionType).join(", ")}`,
        }
      : { ...containersReady, type: "Ready" };
  const incomplete = init
    .filter((status) => status.state.terminated?.exitCode !== 0)
    .map((status) => status.name);
  const wanted: Condition[] = [
    { type: "PodReadyToStartContainers", status: podIp === undefined || finished ? "False" : "True" },
    initialized
      ? { type: "Initialized", status: "True" }
      : {
          type: "Initialized",
          status: "False",
          reason: "ContainersNotInitialized",
          message: `containers with incomplete status: [${incomplete.join(" ")}]`,
        },
    ready,
    containersReady,
    { type: "PodScheduled", status: "True" },
  ];
  let conditions = pod.status?.conditions ?? [];
  for (const condition of wanted)
    conditions = withCondition(conditions, { lastProbeTime: null, ...condition }, now);
  return {
    ...pod.status,
    phase,
    conditions,
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: facts.startTime,
    qosClass: pod.status?.qosClass ?? qosOf(pod),
    ...(init.length === 0 ? {} : { initContainerStatuses: [...init] }),
    containerStatuses: [...main],
  };
}

function phaseOf(pod: Pod, { init, main, ending }: PodFacts): PodPhase {
  const policy = pod.spec.restartPolicy ?? "Always";
  const failedInit = init.some((status) => (status.state.terminated?.exitCode ?? 0) !== 0);
  if (failedInit && (policy === "Never" || ending)) return "Failed";
  if (!init.every((status) => status.state.terminated?.exitCode === 0)) return ending ? "Failed" : "Pending";
  const codes = main.map((status) => status.state.terminated?.exitCode);
  const allDone = codes.every((code) => code !== undefined);
  if (allDone && (ending || policy !== "Always")) {
    const failed = codes.some((code) => code !== 0);
    if (!failed) return "Succeeded";
    if (ending || policy === "Never") return "Failed";
  }
  const begun = main.every(
    ({ state, lastState, restartCount }) =>
      state.running !== undefined ||
      state.terminated !== undefined ||
      lastState.terminated !== undefined ||
      restartCount > 0,
  );
  return begun ? "Running" : "Pending";
}

function qosOf(pod: Pod): string {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const used = all.some(
    ({ resources }) => resources?.limits !== undefined || resources?.requests !== undefined,
  );
  if (!used) return "BestEffort";
  const fixed = all.every(({ resources }) =>
    ["cpu", "memory"].every((name) => {
      const limit = resources?.limits?.[name];
      return limit !== undefined && (resources?.requests?.[name] ?? limit) === limit;
    }),
  );
  return fixed ? "Guaranteed" : "Burstable";
}

import { existsSync } from "node:fs";
import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor, startLogging } from "#core/log.ts";
import { ApiError, type ClusterApi, type NodeApi } from "./apiserver/cluster-api.ts";
import { startApiServer } from "./apiserver/server.ts";
import { type ClusterRecord, readRecord, writeRecord } from "./cluster-record.ts";
import { readCredentials } from "./credentials.ts";
import { ClusterPaths } from "./home.ts";
import { startTimeOf } from "./node/kubelet/proc.ts";
import { type RunningNode, startNode } from "./node/node.ts";
import { addressPlan } from "./node/services/addresses.ts";
import { ServiceAdmission } from "./node/services/service-admission.ts";
import { programCommand } from "./program.ts";
import { serviceAccountToken } from "./service-account-token.ts";

const log = logFor("sandbox", "cluster");

const API_PORT = 6443;
/** How long pods get to end when the cluster stops; less than `down` waits for the cluster. */
const POD_GRACE_MS = 3000;
/** As the API server says. */
const KUBERNETES_VERSION = "v1.32.0+isthmus";

export interface RunningCluster {
  readonly api: ClusterApi;
  readonly apiPort: number;
  readonly ca: string;
  readonly token: string;
  stop(): Promise<void>;
}

function starting(): ApiError {
  return new ApiError(503, "ServiceUnavailable", "The kubelet is still starting");
}

/** Starts API server and node half of the cluster whose record is in `dir`. */
export async function startCluster(
  dir: string,
  options: { index: number; program: readonly string[] },
): Promise<RunningCluster> {
  const { index, program } = options;
  const plan = addressPlan(index);
  const paths = new ClusterPaths(dir);
  const credentials = await readCredentials(dir);
  const admission = new ServiceAdmission(index);
  let node: RunningNode | undefined;
  const nodeApi: NodeApi = {
    logs: (namespace, pod, logOptions) => node?.logs(namespace, pod, logOptions) ?? starting(),
    refusesExec: (namespace, pod, container) =>
      node === undefined ? starting() : node.refusesExec(namespace, pod, container),
    exec: (namespace, pod, execOptions) => node?.exec(namespace, pod, execOptions) ?? starting(),
  };
  const server = startApiServer({
    hostname: plan.node,
    port: API_PORT,
    tls: credentials,
    store: paths.database,
    tokens: { [credentials.token]: { name: "kubernetes-admin", groups: ["system:masters"] } },
    node: nodeApi,
    admission: [admission],
  });
  try {
    node = startNode({
      api: server.api,
      clock: systemClock,
      clusterDir: dir,
      clusterName: paths.name,
      index,
      apiPort: server.port,
      version: KUBERNETES_VERSION,
      ca: credentials.ca,
      program,
      admission,
      issueToken: (pod) => serviceAccountToken(server.api, pod),
    });
  } catch (error) {
    await server.close();
    throw error;
  }
  const running = node;
  return {
    api: server.api,
    apiPort: server.port,
    ca: credentials.ca,
    token: credentials.token,
    async stop() {
      await running.stop({ graceMs: POD_GRACE_MS });
      await server.close();
    },
  };
}

/**
 * Is one cluster, in the foreground, until SIGINT or SIGTERM; then ends its pods. Answers the exit code. Why it could
 * not start is left in its record, for `sandbox up` to say.
 */
export async function runCluster(options: { dir: string }): Promise<number> {
  const { dir } = options;
  await startLogging("info");
  const record = readRecord(dir);
  if (record === undefined) {
    throw new IsthmusError("NOT_FOUND", `There is no sandbox cluster in "${dir}"`, {
      hint: "isthmus sandbox up NAME",
    });
  }
  const signal = untilSignal();
  let cluster: RunningCluster;
  try {
    cluster = await startCluster(dir, { index: record.index, program: programCommand() });
  } catch (error) {
    const failure = failureOf(error, record);
    log.error("Cluster did not start", failure);
    writeRecord(dir, { ...record, failure });
    return 1;
  }
  const { apiPort, ca, token } = cluster;
  const startTime = startTimeOf(process.pid) ?? 0;
  const { failure: _, ...clean } = record;
  writeRecord(dir, { ...clean, running: { pid: process.pid, startTime, apiPort, ca, token } });
  log.info("Cluster runs", { name: record.name, index: record.index, apiPort });
  log.info("Cluster stops", { signal: await signal });
  await cluster.stop();
  // pid 0: stopped, not dead.
  if (existsSync(dir)) writeRecord(dir, { ...clean, running: { pid: 0, startTime: 0, apiPort, ca, token } });
  return 0;
}

function failureOf(error: unknown, record: ClusterRecord): NonNullable<ClusterRecord["failure"]> {
  const inUse = (error as { code?: unknown } | undefined)?.code === "EADDRINUSE";
  if (!inUse) return { code: "FAILED", message: messageOf(error) };
  const address = `${addressPlan(record.index).node}:${API_PORT}`;
  return {
    code: "ADDRESS_IN_USE",
    message: `Address ${address} of cluster "${record.name}" is in use`,
    hint: `End what listens there, or make the cluster anew: isthmus sandbox down ${record.name} && isthmus sandbox up ${record.name}`,
  };
}

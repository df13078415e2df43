import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import {
  ApiError,
  type ExecOptions,
  type ExecProcess,
  type LogOptions,
  type NodeApi,
} from "../../apiserver/cluster-api.ts";
import { ClusterPaths, POD_MARKER } from "../../home.ts";
import { isPodFinished } from "../conditions.ts";
import { at } from "../store.ts";
import { type AddressPlan, AddressPool, podIps } from "../services/addresses.ts";
import type { ContainerStatus, Pod } from "../types.ts";
import type { ContainerRunner } from "./container-runner.ts";
import { LogFiles } from "./log-files.ts";
import { logStream } from "./log-stream.ts";
import { OwnNamespaces } from "./own-namespaces.ts";
import { type PodHost, PodWorker } from "./pod-worker.ts";
import { findMarked, signalProcess } from "./proc.ts";

const log = logFor("sandbox", "kubelet");

export interface KubeletOptions extends Omit<PodHost, "logs" | "hostIp" | "namespaces"> {
  readonly plan: AddressPlan;
  readonly nodeName: string;
}

/** Runs the pods of the cluster's one node as processes. */
export class Kubelet implements NodeApi {
  readonly #options: KubeletOptions;
  readonly #host: PodHost;
  readonly #logs: LogFiles;
  readonly #addresses: AddressPool;
  /** By uid. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #held = new Map<string, string>();
  #stopped = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
    const paths = new ClusterPaths(options.clusterDir);
    mkdirSync(paths.pods, { recursive: true, mode: 0o700 });
    this.#logs = new LogFiles({ dir: paths.podLogs, clock: options.clock });
    this.#host = {
      ...options,
      logs: this.#logs,
      hostIp: options.plan.node,
      namespaces: OwnNamespaces.open(),
    };
    this.#addresses = new AddressPool(podIps(options.plan.index));
  }

  /** Takes up the pods that run, ends processes that nobody knows, and follows the API from then on. */
  start(): void {
    const { stores } = this.#options;
    const known = stores.pods.list();
    for (const pod of known) {
      const address = pod.status?.podIP;
      if (address !== undefined && !isPodFinished(pod) && this.#addresses.reserve(address)) {
        this.#held.set(pod.metadata.uid ?? "", address);
      }
    }
    this.#sweepUnknown(new Set(known.map((pod) => pod.metadata.uid ?? "")));
    let restoring = true;
    stores.pods.onChange((type, pod) => {
      if (this.#stopped) return;
      const uid = pod.metadata.uid ?? "";
      if (type === "DELETED") this.#deleted(uid);
      else if (restoring) this.#sync(pod, { restore: true });
      // Not inside the API's own call: others hear of the change first.
      else queueMicrotask(() => this.#later(() => this.#syncLatest(pod)));
    });
    restoring = false;
    const config =
      (kind: "ConfigMap" | "Secret" | "ServiceAccount") =>
      (_type: string, object: { metadata: { name: string; namespace?: string } }) => {
        const { name, namespace } = object.metadata;
        for (const worker of this.#workers.values()) {
          if (worker.pod.metadata.namespace === namespace)
            queueMicrotask(() => this.#later(() => worker.configChanged({ kind, name })));
        }
      };
    stores.configMaps.onChange(config("ConfigMap"));
    stores.secrets.onChange(config("Secret"));
    stores.serviceAccounts.onChange(config("ServiceAccount"));
  }

  /** Ends all pods' processes: asks, waits at most `graceMs`, kills. Their objects stay as they are. */
  async stop(options: { graceMs: number }): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.shutdown(options.graceMs)));
    this.#logs.stop();
  }

  logs(namespace: string, name: string, options: LogOptions): ReadableStream<Uint8Array> | ApiError {
    const found = this.#containerOf({ namespace, name }, options.container);
    if (found instanceof ApiError) return found;
    return this.#stream(found.pod, { container: found.container, options });
  }

  refusesExec(namespace: string, name: string, container: string | undefined): ApiError | undefined {
    const found = this.#runnerOf({ namespace, name }, container);
    return found instanceof ApiError ? found : undefined;
  }

  exec(namespace: string, name: string, options: ExecOptions): ExecProcess | ApiError {
    const found = this.#runnerOf({ namespace, name }, options.container);
    return found instanceof ApiError ? found : (found.exec(options) ?? notRunning(found.container.name));
  }

  #runnerOf(
    pod: { namespace: string; name: string },
    container: string | undefined,
  ): ContainerRunner | ApiError {
    const found = this.#containerOf(pod, container);
    if (found instanceof ApiError) return found;
    const runner = this.#workers.get(found.pod.metadata.uid ?? "")?.container(found.container);
    return runner?.running === true ? runner : notRunning(found.container);
  }

  #containerOf(
    { namespace, name }: { namespace: string; name: string },
    wanted: string | undefined,
  ): { pod: Pod; container: string } | ApiError {
    const pod = this.#options.stores.pods.get(namespace, name);
    if (pod === undefined) return new ApiError(404, "NotFound", `pods "${name}" not found`);
    const names = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((each) => each.name);
    const container = wanted ?? (pod.spec.containers.length === 1 ? names[0] : undefined);
    if (container === undefined) {
      const message = `a container name must be specified for pod ${name}, choose one of: [${names.join(" ")}]`;
      return new ApiError(400, "BadRequest", message);
    }
    if (!names.includes(container))
      return new ApiError(400, "BadRequest", `container ${container} is not valid for pod ${name}`);
    return { pod, container };
  }

  #stream(
    pod: Pod,
    { container, options }: { container: string; options: LogOptions },
  ): ReadableStream<Uint8Array> | ApiError {
    const { name, namespace = "", uid = "" } = pod.metadata;
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const status = all.find((each) => each.name === container);
    const run = runOf(status, options.previous === true);
    if (run === undefined) {
      const message =
        options.previous === true
          ? `previous terminated container "${container}" in pod "${name}" not found`
          : `container "${container}" in pod "${name}" is waiting to start: ${status?.state.waiting?.reason ?? "ContainerCreating"}`;
      return new ApiError(400, "BadRequest", message);
    }
    const since = options.sinceSeconds;
    return logStream({
      files: this.#logs,
      file: this.#logs.fileOf({ namespace, pod: name, uid, container, run }),
      follow: options.follow && options.previous !== true,
      ...(options.tailLines === undefined ? {} : { tailLines: options.tailLines }),
      ...(since === undefined ? {} : { sinceMs: this.#options.clock.now() - since * 1000 }),
      timestamps: options.timestamps === true,
      onEnd: (fn) => this.#onRunEnd({ uid, container, run }, fn),
    });
  }

  /** Calls `fn` when this run of a container is over. */
  #onRunEnd(run: Run, fn: () => void): () => void {
    return this.#options.stores.pods.onChange((type, pod) => {
      if (pod.metadata.uid === run.uid && (type === "DELETED" || !isInRun(pod, run))) fn();
    });
  }

  #syncLatest(pod: Pod): void {
    const { name, namespace = "" } = pod.metadata;
    const latest = this.#options.stores.pods.get(namespace, name);
    if (latest?.metadata.uid === pod.metadata.uid && latest !== undefined)
      this.#sync(latest, { restore: false });
  }

  #sync(pod: Pod, { restore }: { restore: boolean }): void {
    const { nodeName, stores, events } = this.#options;
    const { uid = "", deletionTimestamp } = pod.metadata;
    const present = this.#workers.get(uid);
    if (present !== undefined) {
      present.sync(pod);
      return;
    }
    if (pod.spec.nodeName === undefined || pod.spec.nodeName === "") {
      if (deletionTimestamp !== undefined) stores.pods.delete(at(pod), { graceSeconds: 0, uid });
      // The change comes back as an event, with the node in it.
      else stores.pods.mutate(at(pod), (draft) => ({ ...draft, spec: { ...draft.spec, nodeName } }));
      return;
    }
    if (pod.spec.nodeName !== nodeName) return;
    if (isPodFinished(pod) || (deletionTimestamp !== undefined && !restore)) {
      if (deletionTimestamp !== undefined) stores.pods.delete(at(pod), { graceSeconds: 0, uid });
      return;
    }
    const podIp = this.#held.get(uid) ?? this.#addresses.take();
    if (podIp === undefined) {
      events.record(pod, {
        type: "Warning",
        reason: "FailedCreatePodSandBox",
        message: "No free pod address is left in this cluster",
      });
      return;
    }
    this.#held.set(uid, podIp);
    const worker = new PodWorker(pod, { host: this.#host, podIp, onGone: () => this.#release(uid) });
    this.#workers.set(uid, worker);
    if (pod.status?.startTime === undefined) {
      const message = `Successfully assigned ${pod.metadata.namespace ?? ""}/${pod.metadata.name} to ${nodeName}`;
      events.record(pod, { type: "Normal", reason: "Scheduled", message });
    }
    worker.start({ restore });
    if (deletionTimestamp !== undefined) worker.sync(pod);
  }

  #deleted(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined) this.#forget(uid);
    else worker.gone();
  }

  /** Of a pod that had run to its end in an earlier life of this process, only files are left. */
  #forget(uid: string): void {
    this.#logs.remove(uid);
    rmSync(join(this.#options.clusterDir, "pods", uid), { recursive: true, force: true });
    this.#release(uid);
  }

  #release(uid: string): void {
    this.#workers.delete(uid);
    const address = this.#held.get(uid);
    this.#held.delete(uid);
    if (address !== undefined) this.#addresses.release(address);
  }

  /** Processes and files of pods that were deleted while the cluster process was away. */
  #sweepUnknown(known: ReadonlySet<string>): void {
    const { clusterDir } = this.#options;
    const prefix = `${clusterDir}/`;
    const strangers = findMarked(
      POD_MARKER,
      (value) => value.startsWith(prefix) && !known.has(value.slice(prefix.length)),
    );
    for (const found of strangers) signalProcess(found, "SIGKILL");
    for (const uid of readdirSync(join(clusterDir, "pods"))) {
      if (!known.has(uid)) rmSync(join(clusterDir, "pods", uid), { recursive: true, force: true });
    }
  }

  #later(fn: () => void): void {
    if (this.#stopped) return;
    try {
      fn();
    } catch (error) {
      log.error("Pod not handled", { error: messageOf(error) });
    }
  }
}

function notRunning(container: string): ApiError {
  return new ApiError(500, "InternalError", `container not found ("${container}"): it does not run`);
}

interface Run {
  readonly uid: string;
  readonly container: string;
  readonly run: number;
}

function isInRun(pod: Pod, { container, run }: Run): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find((each) => each.name === container);
  return status?.restartCount === run && status.state.running !== undefined;
}

/** Which run's log: the present one (or the last, while the container waits to start again), or the one before. */
function runOf(status: ContainerStatus | undefined, previous: boolean): number | undefined {
  if (status === undefined) return undefined;
  const { state, restartCount } = status;
  const waiting = state.waiting !== undefined;
  if (waiting && status.lastState.terminated === undefined) return undefined;
  if (!previous) return restartCount;
  if (status.lastState.terminated === undefined) return undefined;
  return waiting ? restartCount : restartCount - 1;
}

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { writeFileAtomic } from "#core/file.ts";
import { POD_MARKER } from "../../home.ts";
import { type EventDetails, type EventRecorder, timestamp } from "../events.ts";
import { at } from "../store.ts";
import type { Stores } from "../stores.ts";
import type { Container, Pod, PodStatus } from "../types.ts";
import { ConfigError } from "./config-error.ts";
import { type ContainerHost, ContainerRunner } from "./container-runner.ts";
import { type LaunchPlan, planLaunch } from "./launch.ts";
import type { LogFiles } from "./log-files.ts";
import type { Mount } from "./mounts.ts";
import type { OwnNamespaces } from "./own-namespaces.ts";
import { podStatus } from "./pod-status.ts";
import { findMarked, signalProcess } from "./proc.ts";
import { hostsFile, plainHostLookup, resolvConf } from "./resolv-conf.ts";
import { follows, materialize } from "./volumes.ts";

const log = logFor("sandbox", "kubelet");

const NSSWITCH = "/etc/nsswitch.conf";

/** What all pods of a cluster share. */
export interface PodHost {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly logs: LogFiles;
  readonly clusterDir: string;
  readonly clusterName: string;
  readonly hostIp: string;
  readonly apiPort: number;
  readonly program: readonly string[];
  /** The cluster's DNS; its address is undefined while it cannot be asked. */
  readonly dns: { readonly nameserver: string | undefined };
  readonly namespaces: OwnNamespaces | undefined;
  /** The CA of the API server, PEM. */
  readonly ca: string;
  /** A token of a ServiceAccount for a pod; throws when there is no such ServiceAccount. */
  issueToken(pod: Pod): string;
}

/**
 * One pod from its first process to its last: volumes, init containers in order, containers together, status, and a
 * graceful end (deletionTimestamp -> endpoints -> preStop -> stop signal -> grace -> SIGKILL -> object removed).
 */
export class PodWorker implements ContainerHost {
  readonly clock: Clock;
  readonly podIp: string;
  readonly #host: PodHost;
  readonly #dir: string;
  readonly #init: readonly ContainerRunner[];
  readonly #main: readonly ContainerRunner[];
  readonly #hurry = Promise.withResolvers<void>();
  readonly #startTime: string;
  readonly #onGone: () => void;
  #pod: Pod;
  #ending = false;
  /** The object is gone or the cluster stops: nothing is written any more. */
  #silent = false;
  #publishing = false;
  #terminating: Promise<void> | undefined;
  #blocked = false;

  constructor(pod: Pod, options: { host: PodHost; podIp: string; onGone: () => void }) {
    this.#pod = pod;
    this.#host = options.host;
    this.clock = options.host.clock;
    this.podIp = options.podIp;
    this.#onGone = options.onGone;
    this.#startTime = pod.status?.startTime ?? timestamp(this.clock.now());
    this.#dir = join(options.host.clusterDir, "pods", this.uid);
    const runner = (init: boolean) => (container: Container) =>
      new ContainerRunner(container, { init, host: this });
    this.#init = (pod.spec.initContainers ?? []).map(runner(true));
    this.#main = pod.spec.containers.map(runner(false));
  }

  get uid(): string {
    return this.#pod.metadata.uid ?? "";
  }

  get pod(): Pod {
    return this.#pod;
  }

  get ending(): boolean {
    return this.#ending;
  }

  /** Starts the pod, or takes up what an earlier life of the cluster process left of it. */
  start(options: { restore: boolean }): void {
    // Nothing of a pod that is on its way out starts again.
    this.#ending = this.#pod.metadata.deletionTimestamp !== undefined;
    mkdirSync(join(this.#dir, "containers"), { recursive: true, mode: 0o700 });
    if (options.restore) {
      const { initContainerStatuses = [], containerStatuses = [] } = this.#pod.status ?? {};
      for (const runner of this.#init)
        runner.restore(initContainerStatuses.find(({ name }) => name === runner.container.name));
      for (const runner of this.#main)
        runner.restore(containerStatuses.find(({ name }) => name === runner.container.name));
    }
    this.#advance();
  }

  /** The pod's object changed. */
  sync(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined)
      this.#terminate(pod.metadata.deletionGracePeriodSeconds ?? 30);
    else if ((pod.spec.readinessGates ?? []).length > 0) this.changed();
  }

  /** The object is gone (deleted by force, or by us): whatever still runs is ended at once. */
  gone(): void {
    this.#silent = true;
    this.#ending = true;
    this.#hurry.resolve();
    if (this.#terminating === undefined) this.#terminate(0);
  }

  /** A ConfigMap, Secret or ServiceAccount of the namespace changed. */
  configChanged(object: { kind: "ConfigMap" | "Secret" | "ServiceAccount"; name: string }): void {
    if (this.#ending) return;
    if (this.#blocked || [...this.#init, ...this.#main].some((runner) => runner.blocked)) this.#advance();
    else if (object.kind !== "ServiceAccount") {
      const { kind, name } = object;
      const touched = (this.#pod.spec.volumes ?? []).filter((volume) => follows(volume, { kind, name }));
      if (touched.length > 0) this.#tryVolumes();
    }
  }

  /** The cluster process stops: ends all processes, writes nothing. */
  async shutdown(graceMs: number): Promise<void> {
    this.#silent = true;
    this.#ending = true;
    await Promise.all(
      [...this.#init, ...this.#main].map((runner) => runner.stop({ graceMs, hurry: this.#hurry.promise })),
    );
    this.#sweep();
  }

  container(name: string | undefined): ContainerRunner | undefined {
    const all = [...this.#main, ...this.#init];
    return name === undefined ? all[0] : all.find((runner) => runner.container.name === name);
  }

  get namespaces(): OwnNamespaces | undefined {
    return this.#host.namespaces;
  }

  plan(container: Container): LaunchPlan {
    const { clusterDir, stores, hostIp, clusterName, apiPort, program } = this.#host;
    return planLaunch(this.#pod, container, {
      stores,
      hostIp,
      clusterName,
      apiPort,
      program,
      podIp: this.podIp,
      podDir: this.#dir,
      marker: join(clusterDir, this.uid),
      serviceAccountDir: this.#writeServiceAccount(),
      volumes: this.#volumes(),
      files: this.#files(),
      namespaces: this.namespaces,
    });
  }

  logFile(container: string, run: number): string {
    const { name, namespace = "" } = this.#pod.metadata;
    return this.#host.logs.fileOf({ namespace, pod: name, uid: this.uid, container, run });
  }

  forgetLog(container: string, run: number): void {
    if (run >= 0) this.#host.logs.remove(this.uid, { container, run });
  }

  noteFile(container: string): string {
    return join(this.#dir, "containers", `${container}.json`);
  }

  event(container: Container, details: EventDetails): void {
    if (this.#silent) return;
    this.#host.events.record(this.#pod, { ...details, fieldPath: `spec.containers{${container.name}}` });
  }

  done(): void {
    this.#advance();
  }

  /** Writes the status at the end of this turn. */
  changed(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    queueMicrotask(() => {
      this.#publishing = false;
      this.#publish();
    });
  }

  /** Starts what can be started: the next init container, or all containers. */
  #advance(): void {
    if (this.#ending) return;
    this.#blocked = false;
    const next = this.#init.find((runner) => !runner.succeeded);
    if (next !== undefined) {
      if (this.#mayStart(next)) next.start();
    } else {
      for (const runner of this.#main) if (this.#mayStart(runner)) runner.start();
    }
    this.changed();
  }

  #mayStart(runner: ContainerRunner): boolean {
    const { waiting } = runner.status.state;
    return (
      !runner.running &&
      waiting !== undefined &&
      waiting.reason !== "CrashLoopBackOff" &&
      !waiting.reason.includes("Image")
    );
  }

  #publish(): void {
    if (this.#silent) return;
    try {
      this.#host.stores.pods.mutateStatus(at(this.#pod), (draft) => {
        if (draft.metadata.uid !== this.uid) return undefined;
        const status: PodStatus = podStatus(draft, {
          podIp: this.podIp,
          hostIp: this.#host.hostIp,
          startTime: this.#startTime,
          now: timestamp(this.clock.now()),
          init: this.#init.map((runner) => runner.status),
          main: this.#main.map((runner) => runner.status),
          ending: this.#ending,
        });
        return { ...draft, status };
      });
    } catch (error) {
      log.error("Status of a pod not written", { pod: this.#pod.metadata.name, error: messageOf(error) });
    }
  }

  #terminate(graceSeconds: number): void {
    this.#ending = true;
    if (this.#terminating !== undefined) {
      // Deleted again with less patience.
      this.clock.after(graceSeconds * 1000, () => this.#hurry.resolve());
      return;
    }
    this.#terminating = this.#end(graceSeconds).catch((error: unknown) =>
      log.error("Pod not ended", { pod: this.#pod.metadata.name, error: messageOf(error) }),
    );
  }

  async #end(graceSeconds: number): Promise<void> {
    const runners = [...this.#init, ...this.#main];
    for (const runner of runners.filter((each) => each.running)) {
      const { name } = runner.container;
      this.event(runner.container, {
        type: "Normal",
        reason: "Killing",
        message: `Stopping container ${name}`,
      });
    }
    // Endpoints and forwarders learn of the end in this turn, the processes after it.
    if (graceSeconds > 0) await new Promise((resolve) => setImmediate(resolve));
    const graceMs = graceSeconds * 1000;
    await Promise.all(runners.map((runner) => runner.stop({ graceMs, hurry: this.#hurry.promise })));
    this.#sweep();
    if (!this.#silent) {
      this.#publish();
      this.#silent = true;
      this.#host.stores.pods.delete(at(this.#pod), { graceSeconds: 0, uid: this.uid });
    }
    this.#host.logs.remove(this.uid);
    rmSync(this.#dir, { recursive: true, force: true });
    this.#onGone();
  }

  /** Ends what left its process group. */
  #sweep(): void {
    const marker = join(this.#host.clusterDir, this.uid);
    if (!this.#main.concat(this.#init).some((runner) => runner.status.imageID !== "")) return;
    for (const found of findMarked(POD_MARKER, (value) => value === marker)) signalProcess(found, "SIGKILL");
  }

  #tryVolumes(): void {
    try {
      this.#volumes();
    } catch (error) {
      const message = messageOf(error);
      this.#host.events.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
    }
  }

  #volumes(): Map<string, string> {
    const { stores, hostIp } = this.#host;
    const dirs = new Map<string, string>();
    for (const volume of this.#pod.spec.volumes ?? []) {
      const token = (): string => this.#token();
      const dir = join(this.#dir, "volumes");
      dirs.set(
        volume.name,
        materialize(volume, { stores, pod: this.#pod, podIp: this.podIp, hostIp, dir, token }),
      );
    }
    return dirs;
  }

  /** Files of the pod's own in /etc. Where they take a program to put in place, they are made only for the sake of DNS. */
  #files(): Mount[] {
    const { dns, namespaces } = this.#host;
    const resolv = resolvConf(this.#pod, {
      nameserver: dns.nameserver,
      machine: () => readFileSync("/etc/resolv.conf", "utf8"),
    });
    if (resolv === undefined && namespaces === undefined) return [];
    const texts = {
      hosts: hostsFile(this.#pod, this.podIp),
      "resolv.conf": resolv,
      "nsswitch.conf": existsSync(NSSWITCH) ? plainHostLookup(readFileSync(NSSWITCH, "utf8")) : undefined,
    };
    const dir = join(this.#dir, "etc");
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    return Object.entries(texts).flatMap(([name, text]) => {
      if (text === undefined) return [];
      // Written in place: a container that runs has this very file mounted.
      writeFileSync(join(dir, name), text, { mode: 0o644 });
      return [{ source: join(dir, name), target: `/etc/${name}`, readOnly: false }];
    });
  }

  #writeServiceAccount(): string | undefined {
    const { namespace = "" } = this.#pod.metadata;
    const account = this.#host.stores.serviceAccounts.get(
      namespace,
      this.#pod.spec.serviceAccountName ?? "default",
    );
    if ((this.#pod.spec.automountServiceAccountToken ?? account?.automountServiceAccountToken) === false)
      return undefined;
    const dir = join(this.#dir, "serviceaccount");
    const token = this.#token();
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries({ token, "ca.crt": this.#host.ca, namespace })) {
      writeFileAtomic(join(dir, name), content);
    }
    return dir;
  }

  #token(): string {
    try {
      return this.#host.issueToken(this.#pod);
    } catch (error) {
      throw new ConfigError("CreateContainerConfigError", messageOf(error));
    }
  }
}

import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { ExecOptions, ExecProcess } from "../../apiserver/cluster-api.ts";
import { type EventDetails, timestamp } from "../events.ts";
import type { Container, ContainerState, ContainerStatus, HandlerAction, Pod, Probe } from "../types.ts";
import { runAction } from "./actions.ts";
import { ConfigError } from "./config-error.ts";
import { readNote, writeNote } from "./container-note.ts";
import { startExec } from "./exec-process.ts";
import { ImageError, type LaunchPlan } from "./launch.ts";
import type { OwnNamespaces } from "./own-namespaces.ts";
import { adoptPodProcess, type Exit, type PodProcess, spawnPodProcess } from "./pod-process.ts";
import { Prober } from "./prober.ts";
import { RestartBackoff } from "./restart-backoff.ts";

/** What a container needs from its pod. */
export interface ContainerHost {
  readonly clock: Clock;
  readonly pod: Pod;
  readonly podIp: string;
  /** The pod is ending: nothing starts again. */
  readonly ending: boolean;
  readonly namespaces: OwnNamespaces | undefined;
  /** What to run; throws ConfigError or ImageError. */
  plan(container: Container): LaunchPlan;
  logFile(container: string, run: number): string;
  forgetLog(container: string, run: number): void;
  /** Where the container is noted, to be found again by the next life of the cluster process. */
  noteFile(container: string): string;
  /** The status differs. */
  changed(): void;
  /** The container ended and will not start again. */
  done(): void;
  event(container: Container, details: EventDetails): void;
}

const IMAGE_BACKOFF_MS = 10_000;

/**
 * One container of a pod.
 *
 *   waiting -> running -> terminated -> (restartPolicy) waiting CrashLoopBackOff -> running ...
 *
 * Probes run while it runs: startup first, then readiness and liveness.
 */
export class ContainerRunner {
  readonly container: Container;
  readonly #init: boolean;
  readonly #host: ContainerHost;
  readonly #backoff = new RestartBackoff();
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState = {};
  #restartCount = 0;
  #runs = 0;
  #started = false;
  #readiness = false;
  #process: PodProcess | undefined;
  #plan: LaunchPlan | undefined;
  #startedMs = 0;
  #probers: Prober[] = [];
  #cancelTimer: () => void = () => undefined;
  #stopping: Promise<void> | undefined;

  constructor(container: Container, options: { init: boolean; host: ContainerHost }) {
    this.container = container;
    this.#init = options.init;
    this.#host = options.host;
    if (options.init) this.#state = { waiting: { reason: "PodInitializing" } };
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Waits for something in the cluster that was missing. */
  get blocked(): boolean {
    const reason = this.#state.waiting?.reason;
    return reason === "CreateContainerConfigError" || reason === "FailedMount";
  }

  get succeeded(): boolean {
    return this.#state.terminated?.exitCode === 0;
  }

  get status(): ContainerStatus {
    const { name, image } = this.container;
    const id = this.#process?.id;
    const containerID =
      id === undefined ? this.#state.terminated?.containerID : `process://${id.pid}-${id.startTime}`;
    const ready = this.#init ? this.succeeded : this.running && this.#started && this.#readiness;
    return {
      name,
      image,
      imageID: this.#runs > 0 ? `catalogue://${image}` : "",
      ...(containerID === undefined ? {} : { containerID }),
      ready,
      started: this.running && this.#started,
      restartCount: this.#restartCount,
      state:
        this.#state.waiting?.reason === "FailedMount"
          ? { waiting: { reason: "ContainerCreating" } }
          : this.#state,
      lastState: this.#lastState,
    };
  }

  start(): void {
    if (this.running || this.#host.ending) return;
    this.#cancelTimer();
    const { container } = this;
    try {
      this.#plan = this.#host.plan(container);
      if (this.#runs === 0) this.#announce();
    } catch (error) {
      this.#refused(error);
      return;
    }
    const run = this.#restartCount;
    this.#startedMs = this.#host.clock.now();
    this.#runs++;
    this.#host.forgetLog(container.name, run - 2);
    try {
      const { argv, env, cwd, surroundings } = this.#plan;
      const logFile = this.#host.logFile(container.name, run);
      const { namespaces } = this.#host;
      const within =
        namespaces === undefined || surroundings === undefined
          ? {}
          : { within: { namespaces, surroundings } };
      this.#process = spawnPodProcess({ argv, env, cwd, logFile, ...within }, this.#host.clock);
    } catch (error) {
      const message = `failed to start "${this.#plan.argv[0] ?? ""}": ${messageOf(error)}`;
      this.#event("Warning", "Failed", `Error: ${message}`);
      this.#terminated(
        { code: 128, signal: undefined, atMs: this.#host.clock.now() },
        { reason: "StartError", message },
      );
      return;
    }
    this.#state = { running: { startedAt: timestamp(this.#startedMs) } };
    this.#note(this.#process);
    this.#event("Normal", "Started", `Started container ${container.name}`);
    this.#watch(this.#process);
  }

  /** Takes up what an earlier life of the cluster process left; false when this container never ran. */
  restore(before: ContainerStatus | undefined): boolean {
    const note = readNote(this.#host.noteFile(this.container.name));
    if (before?.state.terminated !== undefined && !this.#restarts(before.state.terminated.exitCode)) {
      this.#state = before.state;
      this.#lastState = before.lastState;
      this.#restartCount = before.restartCount;
      this.#runs = 1;
      return true;
    }
    if (note === undefined) return false;
    this.#restartCount = note.restartCount;
    this.#lastState = note.lastState;
    this.#startedMs = Date.parse(note.startedAt);
    this.#runs = 1;
    this.#process = adoptPodProcess(note, this.#host.clock);
    this.#state = { running: { startedAt: note.startedAt } };
    if (this.#process === undefined) {
      this.#terminated(
        { code: 137, signal: undefined, atMs: this.#host.clock.now() },
        { reason: "ContainerStatusUnknown" },
      );
      return true;
    }
    try {
      this.#plan = this.#host.plan(this.container);
    } catch {
      // It runs: what it was started with is not needed again before the next start.
    }
    this.#watch(this.#process);
    return true;
  }

  /** Starts a command beside it; undefined while it does not run. It ends with the container. */
  exec(options: ExecOptions): ExecProcess | undefined {
    const running = this.#process;
    if (running === undefined || this.#plan === undefined) return undefined;
    const started = startExec(options, { plan: this.#plan, pid: running.id.pid });
    void running.exited.then(() => started.kill());
    return started;
  }

  /**
   * Ends it: preStop, then the image's stop signal, SIGKILL to its whole process group when the grace is over.
   * Resolves when nothing of it runs. `hurry` cuts the grace short.
   */
  stop(options: { graceMs: number; hurry: Promise<void> }): Promise<void> {
    this.#cancelTimer();
    this.#stopping ??= this.#end(options);
    return this.#stopping;
  }

  async #end({ graceMs, hurry }: { graceMs: number; hurry: Promise<void> }): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    // Readiness stays as it is: the endpoint is taken out by the pod's deletionTimestamp, and may serve meanwhile.
    for (const prober of this.#probers) prober.stop();
    const { preStop } = this.container.lifecycle ?? {};
    const deadline = Promise.withResolvers<void>();
    const cancel = this.#host.clock.after(graceMs, deadline.resolve);
    const over = Promise.race([deadline.promise, hurry]);
    if (preStop !== undefined && graceMs > 0)
      await Promise.race([this.#hook(preStop, graceMs), over, running.exited]);
    running.signal(this.#plan?.stopSignal ?? "SIGTERM");
    await Promise.race([running.exited, over]);
    running.killGroup();
    await running.exited;
    cancel();
  }

  async #hook(action: HandlerAction, timeoutMs: number): Promise<void> {
    const outcome = await runAction(action, this.#actionContext(timeoutMs));
    if (!outcome.ok) this.#event("Warning", "FailedPreStopHook", `PreStopHook failed: ${outcome.message}`);
  }

  #watch(running: PodProcess): void {
    const { startupProbe } = this.container;
    this.#started = startupProbe === undefined;
    this.#readiness = this.container.readinessProbe === undefined;
    if (startupProbe === undefined) this.#startProbes();
    else {
      this.#probe("Startup", startupProbe, (ok) => {
        if (!ok) return this.#restart("startup");
        this.#started = true;
        for (const prober of this.#probers.splice(0)) prober.stop();
        this.#startProbes();
        this.#host.changed();
      });
    }
    this.#host.changed();
    void running.exited.then((exit) => {
      if (this.#process === running) this.#terminated(exit, {});
    });
  }

  #startProbes(): void {
    const { readinessProbe, livenessProbe } = this.container;
    if (this.#init) return;
    if (readinessProbe !== undefined) {
      this.#probe("Readiness", readinessProbe, (ok) => {
        if (this.#readiness === ok) return;
        this.#readiness = ok;
        this.#host.changed();
      });
    }
    if (livenessProbe !== undefined) {
      this.#probe("Liveness", livenessProbe, (ok) => {
        if (!ok) this.#restart("liveness");
      });
    }
  }

  #probe(kind: "Startup" | "Readiness" | "Liveness", probe: Probe, onVerdict: (ok: boolean) => void): void {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    this.#probers.push(
      new Prober({
        probe,
        clock: this.#host.clock,
        eager: kind !== "Liveness",
        run: () => runAction(probe, this.#actionContext(timeoutMs)),
        onVerdict,
        onFailure: (message) => this.#event("Warning", "Unhealthy", `${kind} probe failed: ${message}`),
      }),
    );
  }

  #actionContext(timeoutMs: number) {
    const { podIp } = this.#host;
    return {
      container: this.container,
      podIp,
      timeoutMs,
      exec: async (command: readonly string[], limitMs: number) =>
        (await this.#plan?.exec(command, { pid: this.#process?.id.pid, timeoutMs: limitMs })) ?? {
          code: 1,
          output: "the container is not known well enough to run a command in it",
        },
    };
  }

  #restart(probe: "liveness" | "startup"): void {
    if (this.#stopping !== undefined) return;
    this.#event(
      "Normal",
      "Killing",
      `Container ${this.container.name} failed ${probe} probe, will be restarted`,
    );
    const graceMs = (this.#host.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    this.#stopping = this.#end({ graceMs, hurry: new Promise(() => undefined) }).finally(() => {
      this.#stopping = undefined;
    });
  }

  #terminated(exit: Exit, { reason, message }: { reason?: string; message?: string }): void {
    const id = this.#process?.id;
    this.#process?.killGroup();
    this.#process = undefined;
    for (const prober of this.#probers.splice(0)) prober.stop();
    this.#started = false;
    this.#readiness = false;
    const terminated: ContainerState = {
      terminated: {
        exitCode: exit.code,
        ...(exit.signal === undefined ? {} : { signal: exit.signal }),
        reason: reason ?? (exit.code === 0 ? "Completed" : "Error"),
        ...(message === undefined ? {} : { message }),
        startedAt: timestamp(this.#startedMs),
        finishedAt: timestamp(exit.atMs),
        ...(id === undefined ? {} : { containerID: `process://${id.pid}-${id.startTime}` }),
      },
    };
    this.#state = terminated;
    if (this.#host.ending || !this.#restarts(exit.code)) {
      this.#host.changed();
      this.#host.done();
      return;
    }
    this.#lastState = terminated;
    const delayMs = this.#backoff.next(exit.atMs - this.#startedMs);
    const again = (): void => {
      this.#restartCount++;
      this.start();
    };
    if (delayMs === 0) {
      queueMicrotask(again);
    } else {
      const { name, namespace = "", uid = "" } = this.#host.pod.metadata;
      const text = `back-off ${delayMs / 1000}s restarting failed container=${this.container.name} pod=${name}_${namespace}(${uid})`;
      this.#state = { waiting: { reason: "CrashLoopBackOff", message: text } };
      this.#event(
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${this.container.name} in pod ${name}_${namespace}(${uid})`,
      );
      this.#cancelTimer = this.#host.clock.after(delayMs, again);
    }
    this.#host.changed();
  }

  #restarts(code: number): boolean {
    const policy = this.#host.pod.spec.restartPolicy ?? "Always";
    if (this.#init) return code !== 0 && policy !== "Never";
    return policy === "Always" || (policy === "OnFailure" && code !== 0);
  }

  #refused(error: unknown): void {
    const { image } = this.container;
    const message = messageOf(error);
    if (error instanceof ImageError) {
      this.#state = { waiting: { reason: "ErrImagePull", message } };
      this.#event("Normal", "Pulling", `Pulling image "${image}"`);
      this.#event("Warning", "Failed", `Failed to pull image "${image}": ${message}`);
      this.#event("Warning", "Failed", "Error: ErrImagePull");
      this.#cancelTimer = this.#host.clock.after(IMAGE_BACKOFF_MS, () => {
        this.#state = {
          waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}": ${message}` },
        };
        this.#event("Normal", "BackOff", `Back-off pulling image "${image}"`);
        this.#host.changed();
      });
    } else if (error instanceof ConfigError) {
      this.#state = { waiting: { reason: error.reason, message } };
      this.#event("Warning", error.reason === "FailedMount" ? "FailedMount" : "Failed", message);
    } else {
      this.#state = { waiting: { reason: "CreateContainerError", message } };
      this.#event("Warning", "Failed", message);
    }
    this.#host.changed();
  }

  #announce(): void {
    const { name, image } = this.container;
    this.#event("Normal", "Pulled", `Container image "${image}" already present on machine`);
    this.#event("Normal", "Created", `Created container: ${name}`);
  }

  #event(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#host.event(this.container, { type, reason, message });
  }

  #note(running: PodProcess): void {
    writeNote(this.#host.noteFile(this.container.name), {
      ...running.id,
      restartCount: this.#restartCount,
      startedAt: timestamp(this.#startedMs),
      lastState: this.#lastState,
    });
  }
}

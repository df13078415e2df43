import { closeSync, openSync } from "node:fs";
import type { Clock } from "#core/clock.ts";
import type { OwnNamespaces, Surroundings } from "./own-namespaces.ts";
import { isAlive, type ProcessId, signalGroup, signalProcess, startTimeOf } from "./proc.ts";

export interface Exit {
  /** As a container runtime says it: 128 + signal when a signal ended it, 137 when nobody saw how. */
  readonly code: number;
  readonly signal: number | undefined;
  readonly atMs: number;
}

export interface SpawnOptions {
  readonly argv: readonly string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** Namespaces of its own. */
  readonly within?: { readonly namespaces: OwnNamespaces; readonly surroundings: Surroundings };
}

/** How often a process that is not our child is looked at; its end is told to nobody. */
const ADOPTED_PERIOD_MS = 200;

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** The main process of a container: leader of its own session, so that its descendants can be ended with it. */
export interface PodProcess {
  readonly id: ProcessId;
  readonly exited: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and all of its process group at once. */
  killGroup(): void;
}

/** Starts a process in a session of its own. Throws when there is nothing to start (ENOENT, EACCES). */
export function spawnPodProcess(options: SpawnOptions, clock: Clock): PodProcess {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    const { argv, cwd, env, within } = options;
    const spawn = (): Bun.Subprocess =>
      Bun.spawn([...argv], { cwd, env, stdio: ["ignore", log, log], detached: true });
    const child = within === undefined ? spawn() : within.namespaces.within(within.surroundings, spawn);
    child.unref();
    const id: ProcessId = { pid: child.pid, startTime: startTimeOf(child.pid) ?? 0 };
    const exited = child.exited.then((): Exit => {
      const signal = child.signalCode === null ? undefined : (SIGNALS[child.signalCode] ?? 0);
      return { code: signal === undefined ? (child.exitCode ?? 0) : 128 + signal, signal, atMs: clock.now() };
    });
    return podProcess(id, exited);
  } finally {
    closeSync(log);
  }
}

/** Takes up a process that an earlier life of this cluster started; undefined when it is gone. */
export function adoptPodProcess(id: ProcessId, clock: Clock): PodProcess | undefined {
  if (!isAlive(id)) return undefined;
  const exited = new Promise<Exit>((resolve) => {
    const stop = clock.every(ADOPTED_PERIOD_MS, () => {
      if (isAlive(id)) return;
      stop();
      resolve({ code: 137, signal: undefined, atMs: clock.now() });
    });
  });
  return podProcess(id, exited);
}

function podProcess(id: ProcessId, exited: Promise<Exit>): PodProcess {
  return {
    id,
    exited,
    signal: (signal) => void signalProcess(id, signal),
    // The group outlives its leader: its number is not used again while a member lives.
    killGroup: () => void signalGroup(id.pid, "SIGKILL"),
  };
}

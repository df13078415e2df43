import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IsthmusError } from "#core/errors.ts";
import { type ClusterRecord, isRunning, readRecord, readRecords, writeRecord } from "./cluster-record.ts";
import { ensureCredentials } from "./credentials.ts";
import { CLUSTER_MARKER, ClusterPaths, POD_MARKER, sandboxHome } from "./home.ts";
import { contextName, writeKubeconfig } from "./kubeconfig-file.ts";
import { findMarked, isAlive, type ProcessId, signalProcess } from "./node/kubelet/proc.ts";
import { addressPlan } from "./node/services/addresses.ts";
import { programCommand } from "./program.ts";
import { withSandboxLock } from "./sandbox-lock.ts";

const API_PORT = 6443;
const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 4;
/** The cluster process gives its pods some seconds to end; after this it is killed. */
const STOP_TIMEOUT_MS = 10_000;
const STOP_POLL_MS = 10;
const MAX_INDEX = 254;

export interface SandboxOptions {
  /** Default: `sandboxHome()`. */
  readonly home?: string;
  /** How to start this program; default: as it was started now. */
  readonly program?: readonly string[];
}

export interface StartedCluster {
  readonly name: string;
  readonly index: number;
  readonly context: string;
  readonly api: string;
  readonly pid: number;
  /** It ran before. */
  readonly already: boolean;
}

export interface StoppedCluster {
  readonly name: string;
  /** Processes that had to be killed because they did not end by themselves. */
  readonly killed: number;
  readonly dataKept: boolean;
}

export interface ClusterStatus {
  readonly name: string;
  readonly index: number;
  /** Stopped: hibernates, `up` starts it again. Dead: its process ended without being asked to. */
  readonly state: "Running" | "Stopped" | "Dead";
  readonly api: string;
  readonly context: string;
  readonly pid: number | undefined;
  /** Pods that have a process now. */
  readonly pods: number;
}

/**
 * Starts clusters, all at once, and resolves when each answers: those that run are left as they are, those that
 * hibernate come back with their objects. What could not be started leaves nothing behind. When `signal` is aborted,
 * everything is as it was before, also the clusters that were up already, and it throws the signal's reason.
 * Errors: INVALID for a bad name, ADDRESS_IN_USE, FAILED with the reason the cluster gave, TIMEOUT.
 */
export async function up(
  names: readonly string[],
  options: SandboxOptions & { readonly signal?: AbortSignal } = {},
): Promise<StartedCluster[]> {
  const home = options.home ?? sandboxHome();
  const program = options.program ?? programCommand();
  const { signal } = options;
  for (const name of names) checkName(name);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  try {
    return await withSandboxLock(home, () => startAll(names, { home, program, signal }), signal);
  } finally {
    removeIfEmpty(home);
  }
}

async function startAll(
  names: readonly string[],
  options: { home: string; program: readonly string[]; signal: AbortSignal | undefined },
): Promise<StartedCluster[]> {
  const { home, signal } = options;
  const present = new Set(readRecords(home).map(({ record }) => record.name));
  const claimed = new Set(readRecords(home).map(({ record }) => record.index));
  const results = await Promise.allSettled(
    [...new Set(names)].map((name) => startCluster(name, { ...options, claimed })),
  );
  if (signal?.aborted === true) {
    const made = results.flatMap((result) =>
      result.status === "fulfilled" && !result.value.already ? [result.value.name] : [],
    );
    await Promise.all(made.map((name) => stopCluster(name, { home, keepData: present.has(name) })));
  }
  writeKubeconfig(home);
  signal?.throwIfAborted();
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/**
 * Ends clusters and everything they started, also what a killed cluster process left, and deletes their data unless
 * `keepData` (then they hibernate). Without names: all. Errors: NOT_FOUND for a name that is no cluster.
 */
export async function down(
  names?: readonly string[],
  options: SandboxOptions & { keepData?: boolean } = {},
): Promise<StoppedCluster[]> {
  const home = options.home ?? sandboxHome();
  const keepData = options.keepData === true;
  return await withSandboxLock(home, () => stopAll(names, { home, keepData }));
}

async function stopAll(
  names: readonly string[] | undefined,
  { home, keepData }: { home: string; keepData: boolean },
): Promise<StoppedCluster[]> {
  const present = clusterDirs(home);
  const wanted = names === undefined || names.length === 0 ? present : [...new Set(names)];
  for (const name of wanted) if (!present.includes(name)) throw unknownCluster(name, present);
  const stopped = await Promise.all(wanted.map((name) => stopCluster(name, { home, keepData })));
  // With all of them goes whatever bears the mark of this home, also of clusters whose directory is gone.
  if (wanted.length === present.length && !keepData) await killAll(strays(`${home}/`));
  writeKubeconfig(home);
  removeIfEmpty(home);
  return stopped;
}

/** All clusters of the home, by index. */
export function status(options: SandboxOptions = {}): Promise<ClusterStatus[]> {
  const home = options.home ?? sandboxHome();
  const pods = findMarked(POD_MARKER, (value) => value.startsWith(`${home}/`));
  const list = readRecords(home).map(({ dir, record }): ClusterStatus => {
    const own = new Set(pods.filter(({ value }) => value.startsWith(`${dir}/`)).map(({ value }) => value));
    const running = isRunning(record);
    return {
      name: record.name,
      index: record.index,
      state: running ? "Running" : record.running?.pid === 0 ? "Stopped" : "Dead",
      api: apiUrl(record),
      context: contextName(record.name),
      pid: running ? record.running?.pid : undefined,
      pods: own.size,
    };
  });
  return Promise.resolve(list);
}

function apiUrl(record: ClusterRecord): string {
  return `https://${addressPlan(record.index).node}:${record.running?.apiPort ?? API_PORT}`;
}

interface StartContext {
  readonly home: string;
  readonly program: readonly string[];
  readonly signal: AbortSignal | undefined;
  /** Indexes in use in this home. */
  readonly claimed: Set<number>;
}

async function startCluster(name: string, context: StartContext): Promise<StartedCluster> {
  const dir = join(context.home, name);
  const before = readRecord(dir);
  if (before !== undefined && isRunning(before)) return started(before, true);
  if (before !== undefined) {
    try {
      return started(await launch(dir, before, context), false);
    } catch (error) {
      if (context.signal?.aborted === true) writeRecord(dir, before);
      throw error;
    }
  }
  for (;;) {
    const index = freeIndex(context.claimed);
    context.claimed.add(index);
    const record: ClusterRecord = { name, index, createdAt: new Date().toISOString() };
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      writeRecord(dir, record);
      return started(await launch(dir, record, context), false);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      // Somebody else's sandbox took the address between our look at it and our cluster's: the next one, then.
      if (error instanceof IsthmusError && error.code === "ADDRESS_IN_USE") continue;
      throw error;
    }
  }
}

function started(record: ClusterRecord, already: boolean): StartedCluster {
  const { name, index } = record;
  return {
    name,
    index,
    context: contextName(name),
    api: apiUrl(record),
    pid: record.running?.pid ?? 0,
    already,
  };
}

/** Starts the cluster's process and waits for it. When that fails, no process is left. */
async function launch(
  dir: string,
  record: ClusterRecord,
  { program, signal }: StartContext,
): Promise<ClusterRecord> {
  signal?.throwIfAborted();
  const { failure: _, ...clean } = record;
  writeRecord(dir, clean);
  const paths = new ClusterPaths(dir);
  mkdirSync(join(dir, "logs"), { recursive: true, mode: 0o700 });
  const log = openSync(paths.clusterLog, "a", 0o600);
  const [command = "", ...args] = program;
  const child = Bun.spawn([command, ...args, "sandbox", "run-cluster", "--dir", dir], {
    cwd: dir,
    // A cluster that is started from a pod of another is none of its processes.
    env: { ...process.env, [CLUSTER_MARKER]: dir, [POD_MARKER]: undefined },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  // Made here, once for all clusters, while their processes load.
  try {
    await ensureCredentials(dir, record.index);
  } catch (error) {
    await killAll(strays(dir));
    throw error;
  }
  const until = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const now = readRecord(dir);
    if (now?.running?.pid === child.pid) return now;
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (signal?.aborted === true) {
      await killAll(strays(dir));
      throw signal.reason;
    }
    if (!ended && performance.now() < until) {
      await Bun.sleep(READY_POLL_MS);
      continue;
    }
    await killAll(strays(dir));
    const { failure } = readRecord(dir) ?? {};
    const hint = failure?.hint ?? `less ${paths.clusterLog}`;
    if (failure?.code === "ADDRESS_IN_USE")
      throw new IsthmusError("ADDRESS_IN_USE", failure.message, { hint });
    if (failure !== undefined)
      throw new IsthmusError("FAILED", `Cluster "${record.name}" did not start: ${failure.message}`, {
        hint,
      });
    if (!ended)
      throw new IsthmusError(
        "TIMEOUT",
        `Cluster "${record.name}" did not answer in ${READY_TIMEOUT_MS / 1000} s`,
        { hint },
      );
    const end = await Bun.file(paths.clusterLog).text();
    const last = end.trim().split("\n").at(-1) ?? "";
    throw new IsthmusError(
      "FAILED",
      `Cluster "${record.name}" ended while it started: ${last || "it said nothing"}`,
      {
        hint: `isthmus sandbox run-cluster --dir ${dir}`,
      },
    );
  }
}

async function stopCluster(
  name: string,
  { home, keepData }: { home: string; keepData: boolean },
): Promise<StoppedCluster> {
  const dir = join(home, name);
  const record = readRecord(dir);
  if (record?.running !== undefined && isRunning(record)) {
    signalProcess(record.running, "SIGTERM");
    await untilGone([record.running], STOP_TIMEOUT_MS);
  }
  const killed = await killAll(strays(dir));
  if (!keepData) rmSync(dir, { recursive: true, force: true });
  else if (record?.running !== undefined)
    writeRecord(dir, { ...record, running: { ...record.running, pid: 0, startTime: 0 } });
  return { name, killed, dataKept: keepData };
}

/** Live processes that bear the mark of a cluster directory, or of anything below a prefix that ends in "/". */
function strays(dir: string): ProcessId[] {
  const prefix = dir.endsWith("/") ? dir : `${dir}/`;
  const within = (value: string): boolean => `${value}/`.startsWith(prefix);
  return [...findMarked(CLUSTER_MARKER, within), ...findMarked(POD_MARKER, within)];
}

/** Kills and waits until they are gone; answers how many there were. */
async function killAll(processes: readonly ProcessId[]): Promise<number> {
  const pids = new Set(processes.filter((each) => signalProcess(each, "SIGKILL")).map(({ pid }) => pid));
  await untilGone(processes, STOP_TIMEOUT_MS);
  return pids.size;
}

async function untilGone(processes: readonly ProcessId[], timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (processes.some(isAlive) && performance.now() < until) await Bun.sleep(STOP_POLL_MS);
}

/** A directory is a cluster's when we wrote its record, or began to. */
function clusterDirs(home: string): string[] {
  if (!existsSync(home)) return [];
  return readdirSync(home, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && NAME.test(entry.name))
    .map((entry) => entry.name);
}

function removeIfEmpty(home: string): void {
  try {
    if (readdirSync(home).length === 0) rmdirSync(home);
  } catch {
    // Somebody put something there meanwhile.
  }
}

function freeIndex(claimed: ReadonlySet<number>): number {
  for (let index = 1; index <= MAX_INDEX; index++) {
    if (!claimed.has(index) && canListen(addressPlan(index).node)) return index;
  }
  throw new IsthmusError(
    "ADDRESS_IN_USE",
    `No free cluster address: 127.n.0.1:${API_PORT} is in use or not allowed for every n up to ${MAX_INDEX}`,
    {
      hint: "isthmus sandbox down",
    },
  );
}

function canListen(hostname: string): boolean {
  try {
    Bun.listen({ hostname, port: API_PORT, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** RFC 1123 label, short enough that addresses and names made of it stay labels. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new IsthmusError(
    "INVALID",
    `Cannot name a cluster "${name}": expected at most 40 lower-case letters, digits and "-", first and last not "-"`,
    {
      hint: "isthmus sandbox up c1 c2 c3",
    },
  );
}

function unknownCluster(name: string, present: readonly string[]): IsthmusError {
  const known = present.length === 0 ? "there is none" : `there are ${present.join(", ")}`;
  return new IsthmusError("NOT_FOUND", `There is no sandbox cluster "${name}": ${known}`, {
    hint: "isthmus sandbox status",
  });
}

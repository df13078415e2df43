import { readdirSync, readFileSync } from "node:fs";

/** A process, told apart from a later one with the same pid by its start time (clock ticks since boot). */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: number;
}

/** Start time of a live process; undefined when it is gone or only waits to be reaped. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command in parentheses may hold anything: fields are counted after the last one. State is field 3, start time 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return Number(fields[19]);
  } catch {
    return undefined;
  }
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return startTimeOf(pid) === startTime;
}

/** Live processes whose environment has `marker` with a value that `wanted` accepts. Only processes of this user are seen. */
export function findMarked(
  marker: string,
  wanted: (value: string) => boolean,
): (ProcessId & { value: string })[] {
  const found: (ProcessId & { value: string })[] = [];
  const prefix = `${marker}=`;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    let environ: string;
    try {
      environ = readFileSync(`/proc/${pid}/environ`, "latin1");
    } catch {
      continue;
    }
    const at = environ.startsWith(prefix) ? 0 : environ.indexOf(`\0${prefix}`) + 1;
    if (at === 0 && !environ.startsWith(prefix)) continue;
    const end = environ.indexOf("\0", at);
    const value = Buffer.from(
      environ.slice(at + prefix.length, end < 0 ? undefined : end),
      "latin1",
    ).toString();
    if (!wanted(value)) continue;
    const startTime = startTimeOf(pid);
    if (startTime !== undefined) found.push({ pid, startTime, value });
  }
  return found;
}

/** Sends a signal to the process if it still is the same one; true when it was sent. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  return isAlive(id) && send(id.pid, signal);
}

/** Sends a signal to a process group; true when there was one. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  return send(-pgid, signal);
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch {
    return false;
  }
}

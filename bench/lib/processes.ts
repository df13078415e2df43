/** Processes under measurement: started here, measured from /proc, stopped by id. */
import { readFileSync } from "node:fs";

/** Kernel clock ticks a second: USER_HZ is 100 on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

export interface Running {
  readonly pid: number;
  /** SIGTERM, and SIGKILL when it still runs after `patienceMs` [3000]. */
  stop(patienceMs?: number): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** Where output goes; a failure is explained from there. */
  readonly log?: string;
}

export function start(command: readonly string[], options: StartOptions = {}): Running {
  const sink = options.log === undefined ? "ignore" : Bun.file(options.log);
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: sink,
    stderr: sink,
  });
  return {
    pid: child.pid,
    async stop(patienceMs = 3000) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
      await child.exited;
      clearTimeout(timer);
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** User and system time of a process and of the children it has now, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids.flatMap(withChildren)) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resident memory of a process and its children, MiB. */
export function rssMiB(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids.flatMap(withChildren)) {
    kib += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  }
  return kib / 1024;
}

function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").map(Number).flatMap(withChildren))];
}

/** A port that was free a moment ago, for peers that cannot listen on port 0. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

/** Resolves when an HTTP answer comes from `url`; throws after `timeoutMs`. */
export async function untilAnswers(url: string, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      const answer = await fetch(url, {
        signal: AbortSignal.timeout(1000),
        headers: { connection: "close" },
      });
      await answer.arrayBuffer();
      if (answer.ok) return;
    } catch {
      // Not up yet.
    }
    if (performance.now() > end) throw new Error(`No answer from ${url} within ${timeoutMs} ms`);
    await Bun.sleep(50);
  }
}

/** Resolves when connections to the port are accepted; throws after `timeoutMs`. */
export async function untilListens(
  port: number,
  { hostname = "127.0.0.1", timeoutMs = 10_000 } = {},
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      (await Bun.connect({ hostname, port, socket: { data() {} } })).terminate();
      return;
    } catch {
      // Not up yet.
    }
    if (performance.now() > end) throw new Error(`Nothing listens on port ${port} within ${timeoutMs} ms`);
    await Bun.sleep(20);
  }
}

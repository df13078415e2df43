import { messageOf } from "#core/errors.ts";
import type { ExecOptions, ExecProcess } from "../../apiserver/cluster-api.ts";
import type { LaunchPlan } from "./launch.ts";
import { signalGroup } from "./proc.ts";

/** How long output may still come when the process is gone: its descendants may hold the pipes open. */
const LAST_OUTPUT_MS = 500;
/** As shells: found, but not to be run. */
const NOT_STARTED = 126;

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Starts a command in the namespaces, environment and working directory of the container whose main process is `pid`. */
export function startExec(
  options: ExecOptions,
  { plan, pid }: { plan: LaunchPlan; pid: number },
): ExecProcess {
  const argv = [...plan.beside(pid), ...options.command];
  const place = { env: { ...plan.env, ...(options.tty ? { TERM: "xterm" } : {}) }, cwd: plan.cwd };
  try {
    return options.tty ? onTerminal(argv, { place, options }) : onPipes(argv, { place, options });
  } catch (error) {
    // What cannot be started is told as a shell tells it.
    const said = options.output(options.tty ? "stdout" : "stderr", Buffer.from(`${messageOf(error)}\n`));
    return {
      exited: Promise.resolve(said).then(() => NOT_STARTED),
      waitingBytes: 0,
      write: () => undefined,
      endInput: () => undefined,
      resize: () => undefined,
      kill: () => undefined,
    };
  }
}

interface Start {
  readonly place: { readonly env: Record<string, string>; readonly cwd: string };
  readonly options: ExecOptions;
}

function onPipes(argv: readonly string[], { place, options }: Start): ExecProcess {
  const child = Bun.spawn([...argv], {
    ...place,
    stdin: options.stdin ? "pipe" : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const output = Promise.all([
    passOn(child.stdout, (bytes) => options.output("stdout", bytes)),
    passOn(child.stderr, (bytes) => options.output("stderr", bytes)),
  ]);
  const exited = child.exited.then(async () => {
    await Promise.race([output, Bun.sleep(LAST_OUTPUT_MS)]);
    return codeOf(child);
  });
  const { stdin } = child;
  let waitingBytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  const later = (work: () => unknown): void => {
    // A process that does not read its input, or has gone, is none of ours.
    last = last.then(work).catch(() => undefined);
  };
  return {
    exited,
    get waitingBytes() {
      return waitingBytes;
    },
    write(bytes) {
      waitingBytes += bytes.length;
      later(async () => {
        try {
          void stdin?.write(bytes);
          await stdin?.flush();
        } finally {
          waitingBytes -= bytes.length;
        }
      });
    },
    endInput: () => later(() => stdin?.end()),
    resize: () => undefined,
    kill: () => end(child),
  };
}

function onTerminal(argv: readonly string[], { place, options }: Start): ExecProcess {
  const ended = Promise.withResolvers<void>();
  const child = Bun.spawn([...argv], {
    ...place,
    terminal: {
      data: (_terminal, bytes) => void options.output("stdout", bytes),
      exit: () => ended.resolve(),
    },
    detached: true,
  });
  const { terminal } = child;
  const exited = child.exited.then(async () => {
    await Promise.race([ended.promise, Bun.sleep(LAST_OUTPUT_MS)]);
    terminal?.close();
    return codeOf(child);
  });
  return {
    exited,
    waitingBytes: 0,
    write: (bytes) => void (options.stdin && terminal?.write(bytes)),
    // Control-D, as a terminal says it.
    endInput: () => void terminal?.write("\u0004"),
    resize: (columns, rows) => terminal?.resize(columns, rows),
    kill: () => end(child),
  };
}

/** Once its leader is gone the number of the group may be another's. */
function end(child: Bun.Subprocess): void {
  if (child.exitCode === null && child.signalCode === null) signalGroup(child.pid, "SIGKILL");
}

async function passOn(
  from: ReadableStream<Uint8Array>,
  to: (bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  for await (const bytes of from) await to(bytes);
}

function codeOf(child: Bun.Subprocess): number {
  if (child.signalCode === null) return child.exitCode ?? 0;
  return 128 + (SIGNAL_NUMBERS[child.signalCode] ?? 0);
}

import { status, up } from "#sandbox/manage.ts";
import type { Io } from "../io.ts";
import { Progress } from "../output/progress.ts";
import { SilentExit } from "../report-error.ts";
import { printClusters, type SandboxFormat } from "./sandbox-status.ts";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Starts clusters and prints them. Interrupted, it takes down again those that it started. */
export async function sandboxUp(
  names: readonly string[],
  options: { readonly output?: SandboxFormat; readonly io: Io },
): Promise<void> {
  const { io } = options;
  const progress = new Progress(io);
  const interrupted = new AbortController();
  const interrupt = (signal: (typeof SIGNALS)[number]): void => {
    interrupted.abort(new SilentExit(EXIT_CODES[signal]));
    progress.say("Stopping what was started");
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    progress.say(`Starting ${names.join(", ")}`);
    await up(names, { signal: interrupted.signal });
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    progress.end();
  }
  const wanted = new Set(names);
  printClusters(
    (await status()).filter(({ name }) => wanted.has(name)),
    options,
  );
}

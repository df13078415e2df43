import { down, status, up } from "#sandbox/manage.ts";
import type { Io } from "../io.ts";
import { Progress } from "../output/progress.ts";
import { SilentExit } from "../report-error.ts";
import { printClusters, type SandboxFormat } from "./sandbox-status.ts";

/** Starts clusters and prints them. Interrupted, it takes down again those that it started. */
export async function sandboxUp(
  names: readonly string[],
  options: { readonly output?: SandboxFormat; readonly io: Io },
): Promise<void> {
  const { io } = options;
  const before = new Set((await status()).map(({ name }) => name));
  const progress = new Progress(io);
  const interrupted = new AbortController();
  const interrupt = (): void => {
    interrupted.abort();
    progress.say("Stopping what was started");
  };
  process.on("SIGINT", interrupt);
  try {
    progress.say(`Starting ${names.join(", ")}`);
    await up(names);
    if (interrupted.signal.aborted) {
      await down(names.filter((name) => !before.has(name)));
      throw new SilentExit(130);
    }
  } finally {
    process.off("SIGINT", interrupt);
    progress.end();
  }
  const wanted = new Set(names);
  printClusters(
    (await status()).filter(({ name }) => wanted.has(name)),
    options,
  );
}

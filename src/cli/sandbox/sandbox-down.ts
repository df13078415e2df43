import { down } from "#sandbox/manage.ts";
import type { Io } from "../io.ts";
import { Progress } from "../output/progress.ts";

export interface SandboxDownOptions {
  readonly keepData: boolean;
}

/** Ends the named clusters, or all. */
export async function sandboxDown(
  names: readonly string[],
  options: SandboxDownOptions & { readonly io: Io },
): Promise<void> {
  const { keepData, io } = options;
  const progress = new Progress(io);
  progress.say(names.length === 0 ? "Ending all clusters" : `Ending ${names.join(", ")}`);
  try {
    const stopped = await down(names, { keepData });
    progress.end();
    if (stopped.length === 0) io.err("No sandbox clusters.\n");
    for (const { name, dataKept } of stopped)
      io.out(`Cluster "${name}" ${dataKept ? "hibernates" : "is gone"}\n`);
  } finally {
    progress.end();
  }
}

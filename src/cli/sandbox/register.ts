import type { Command } from "commander";
import { SilentExit } from "../report-error.ts";

export function registerSandbox(program: Command): void {
  const sandbox = program.command("sandbox").description("Clusters in local processes, to try things out");
  sandbox
    .command("run-cluster", { hidden: true })
    .description("Be one cluster, in the foreground")
    .requiredOption("--dir <dir>", "state directory of the cluster")
    .action(async (options: { dir: string }) => {
      const { runCluster } = await import("#sandbox/cluster.ts");
      const code = await runCluster({ dir: options.dir });
      if (code !== 0) throw new SilentExit(code);
    });
}

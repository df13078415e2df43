import type { Command } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { SilentExit } from "../report-error.ts";
import type { SandboxDownOptions } from "./sandbox-down.ts";
import type { SandboxFormat } from "./sandbox-status.ts";

interface OutputOptions {
  readonly output?: SandboxFormat;
}

export function registerSandbox(program: Command, io: Io): void {
  const sandbox = program
    .command("sandbox")
    .description("Kubernetes clusters in local processes, to try things out");
  sandbox
    .command("up")
    .argument("<name...>", "names of the clusters")
    .description("Start clusters; those that hibernate come back as they were")
    .addOption(outputOption(["table", "json", "yaml", "name"]))
    .addHelpText(
      "after",
      `
Examples:
  isthmus sandbox up c1 c2 c3
  export KUBECONFIG=$(isthmus sandbox kubeconfig)
  kubectl --context sandbox-c1 get pods -A`,
    )
    .action(async (names: string[], options: OutputOptions) => {
      const { sandboxUp } = await import("./sandbox-up.ts");
      await sandboxUp(names, { ...options, io });
    });
  sandbox
    .command("down")
    .argument("[name...]", "names of the clusters [all]")
    .description("End clusters and everything that runs in them")
    .option("--keep-data", "keep their objects: up brings them back", false)
    .action(async (names: string[], options: SandboxDownOptions) => {
      const { sandboxDown } = await import("./sandbox-down.ts");
      await sandboxDown(names, { ...options, io });
    });
  sandbox
    .command("status")
    .description("Show the clusters")
    .addOption(outputOption(["table", "json", "yaml", "name"]))
    .action(async (options: OutputOptions) => {
      const { sandboxStatus } = await import("./sandbox-status.ts");
      await sandboxStatus({ ...options, io });
    });
  sandbox
    .command("kubeconfig")
    .description("Print the path of the kubeconfig of the clusters; your own is never touched")
    .action(async () => {
      const { sandboxKubeconfig } = await import("#sandbox/home.ts");
      io.out(`${sandboxKubeconfig()}\n`);
    });
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

import type { Command } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { NetworkStatusOptions } from "./network-status.ts";

export function registerNetwork(program: Command, io: Io): void {
  program
    .command("network")
    .description("The whole network, as this site sees it")
    .command("status")
    .description("Show every site with its links, services and pods")
    .option("-w, --watch", "go on showing it as it changes, until Ctrl-C")
    .addOption(outputOption(["tree", "json", "yaml"], "output format; json with --watch is an object a line"))
    .addHelpText(
      "after",
      `
Examples:
  isthmus network status
  isthmus network status --watch
  isthmus network status -o json`,
    )
    .action(async (options: NetworkStatusOptions, command: Command) => {
      const { printNetworkStatus } = await import("./network-status.ts");
      await printNetworkStatus(options, await openSession(command, io));
    });
}

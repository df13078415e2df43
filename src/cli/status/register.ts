import type { Command } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { StatusOptions } from "./status.ts";

export function registerStatus(program: Command, io: Io): void {
  program
    .command("status")
    .description("Show this site: is it ready, what is it linked to, which services are there")
    .option("-w, --watch", "go on showing it as it changes, until Ctrl-C")
    .addOption(
      outputOption(["table", "json", "yaml"], "output format; json with --watch is an object a line"),
    )
    .addHelpText(
      "after",
      `
Examples:
  isthmus status
  isthmus status --watch
  isthmus -n shop status -o json`,
    )
    .action(async (options: StatusOptions, command: Command) => {
      const { printStatus } = await import("./status.ts");
      await printStatus(options, await openSession(command, io));
    });
}

import type { Command } from "commander";
import { outputOption, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { CheckOptions } from "./check.ts";

export function registerCheck(program: Command, io: Io): void {
  program
    .command("check")
    .description("Look for what is wrong with this site, or with --pre for what installing one needs")
    .option("--pre", "before init: may a site be installed here")
    .addOption(waitOption("nothing fails any more", false))
    .addOption(timeoutOption())
    .addOption(outputOption(["table", "json", "yaml"]))
    .addHelpText(
      "after",
      `
Exit code 1 when a check failed; warnings are no failures.

Examples:
  isthmus check
  isthmus check --pre --context c2 -n shop
  isthmus check --wait=1m -o json`,
    )
    .action(async (options: CheckOptions, command: Command) => {
      const { check } = await import("./check.ts");
      await check(options, await openSession(command, io));
    });
}

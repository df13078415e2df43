import type { Command } from "commander";
import { integer } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { DumpOptions } from "./dump.ts";

export function registerDebug(program: Command, io: Io): void {
  program
    .command("debug")
    .description("For who looks for a fault")
    .command("dump")
    .description("Write what helps to find a fault into a tar file, without any secret")
    .option("--output <file>", "file to write [isthmus-dump-SITE-NAMESPACE-TIME.tar.gz]")
    .option("--log-lines <n>", "last lines of each log [5000]", integer(0, 1_000_000))
    .addHelpText(
      "after",
      `
Of Secrets it tells names, keys and sizes. Names and addresses of services, pods and clusters are in it.

Examples:
  isthmus debug dump
  isthmus debug dump --output /tmp/shop.tar.gz
  isthmus --context c2 -n shop debug dump --log-lines 500`,
    )
    .action(async (options: DumpOptions, command: Command) => {
      const { dump } = await import("./dump.ts");
      await dump(options, await openSession(command, io));
    });
}

import type { Command } from "commander";
import { dryOutputOption, duration, integer, timeoutOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { TokenOptions } from "./create-token.ts";

export function registerToken(program: Command, io: Io): void {
  program
    .command("token")
    .description("Permission for other sites to link to this one")
    .command("create")
    .argument("<file>", "where to write the token; - is standard output")
    .description("Create a token with which another site links to this one")
    .option("--expiry <duration>", "how long it can be used", durationText, "15m")
    .option("--uses <n>", "how many sites can use it", integer(1, 1000), 1)
    .option("--cost <n>", "cost of the link that is made with it [1]", integer(1, 1000))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus token create c2.yaml
  isthmus token create c2.yaml --expiry 1h --uses 3
  isthmus token create - | kubectl --context c2 apply -f -`,
    )
    .action(async (file: string, options: TokenOptions, command: Command) => {
      const { createToken } = await import("./create-token.ts");
      await createToken({ ...options, file }, await openSession(command, io));
    });
}

/** Checked here, kept as it was written. */
function durationText(text: string): string {
  duration(text);
  return text;
}

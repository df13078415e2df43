import type { Command } from "commander";
import type { Io } from "../io.ts";

export function registerVersion(program: Command, io: Io): void {
  program
    .command("version")
    .description("Print the version of this program")
    .option("-o, --output <format>", "json or yaml")
    .action(async (options: { output?: string }) => {
      const { runVersion } = await import("./run-version.ts");
      await runVersion(options, io);
    });
}

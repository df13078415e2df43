import type { Command } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";

import type { VersionOptions } from "./run-version.ts";

export function registerVersion(program: Command, io: Io): void {
  program
    .command("version")
    .description("Print the version of this program")
    .addOption(outputOption(["json", "yaml"]))
    .action(async (options: VersionOptions) => {
      const { runVersion } = await import("./run-version.ts");
      runVersion(options, io);
    });
}

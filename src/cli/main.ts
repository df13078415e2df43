import { completeSwitches } from "./flags.ts";
import type { Io } from "./io.ts";
import { buildProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

/** Runs one command line (without the program's own name) and gives its exit code; never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    await buildProgram(io).parseAsync(completeSwitches(argv), { from: "user" });
    return 0;
  } catch (error) {
    return reportError(error, io);
  }
}

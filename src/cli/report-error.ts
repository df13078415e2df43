import { CommanderError } from "commander";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { Io } from "./io.ts";

/**
 * Says what went wrong on standard error (`error: …`, and `hint: …` with the next command) and gives the exit code.
 * A stack only with ISTHMUS_DEBUG=1.
 */
export function reportError(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SilentExit) return error.exitCode;
  io.err(`error: ${messageOf(error)}\n`);
  if (error instanceof IsthmusError && error.hint !== undefined) io.err(`hint: ${error.hint}\n`);
  if (io.env["ISTHMUS_DEBUG"] === "1" && error instanceof Error) io.err(`${stackOf(error)}\n`);
  return error instanceof IsthmusError ? error.exitCode : 1;
}

/** Ends the command with this exit code; all there is to say was said. */
export class SilentExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

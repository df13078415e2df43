#!/usr/bin/env bun
import { processIo } from "#cli/io.ts";
import { runCli } from "#cli/main.ts";

/** As a shell reports a program that wrote to a closed pipe: 128 + SIGPIPE. */
const PIPE_CLOSED = 141;

// Who reads no further (`| head`) ends the command, as the signal would; a command that has to clean up listens for it.
process.stdout.once("error", () => {
  process.stdout.on("error", () => undefined);
  if (!process.emit("SIGPIPE", "SIGPIPE")) process.exit(PIPE_CLOSED);
});

process.exitCode = await runCli(process.argv.slice(2), processIo);

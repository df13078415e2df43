#!/usr/bin/env bun
import { processIo } from "#cli/io.ts";
import { runCli } from "#cli/main.ts";

process.exitCode = await runCli(process.argv.slice(2), processIo);

import { Command } from "commander";
import type { Io } from "./io.ts";
import { registerRun } from "./run/register.ts";
import { registerSandbox } from "./sandbox/register.ts";
import { registerVersion } from "./version/register.ts";

/** The tree of commands. Nothing of a command is loaded before it runs, so that a short one starts fast. */
export function buildProgram(io: Io): Command {
  const program = new Command("isthmus")
    .description("Joins services across Kubernetes clusters")
    .option("--context <name>", "kubeconfig context to use [the current one]")
    .option("-n, --namespace <name>", "namespace [the one of the context, or default]")
    .option("--kubeconfig <file>", "kubeconfig file [$KUBECONFIG, or ~/.kube/config]")
    .exitOverride()
    .showHelpAfterError("hint: add --help to see what is possible")
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  registerVersion(program, io);
  registerRun(program);
  registerSandbox(program);
  return program;
}

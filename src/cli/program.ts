import { Command } from "commander";
import type { Io } from "./io.ts";
import { registerCheck } from "./check/register.ts";
import { registerConsole } from "./console/register.ts";
import { registerDebug } from "./debug/register.ts";
import { registerDemo } from "./demo/register.ts";
import { registerDns } from "./dns/register.ts";
import { registerExplain } from "./explain/register.ts";
import { registerExpose } from "./expose/register.ts";
import { registerFlows } from "./flows/register.ts";
import { registerInit } from "./init/register.ts";
import { registerLink } from "./link/register.ts";
import { registerNetwork } from "./network/register.ts";
import { registerPolicy } from "./policy/register.ts";
import { registerRun } from "./run/register.ts";
import { registerSandbox } from "./sandbox/register.ts";
import { registerStatus } from "./status/register.ts";
import { registerToken } from "./token/register.ts";
import { registerTop } from "./top/register.ts";
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
  registerInit(program, io);
  registerToken(program, io);
  registerLink(program, io);
  registerExpose(program, io);
  registerPolicy(program, io);
  registerExplain(program, io);
  registerCheck(program, io);
  registerStatus(program, io);
  registerNetwork(program, io);
  registerTop(program, io);
  registerFlows(program, io);
  registerDebug(program, io);
  registerConsole(program, io);
  registerSandbox(program, io);
  registerDemo(program, io);
  registerDns(program, io);
  registerRun(program);
  registerVersion(program, io);
  return program;
}

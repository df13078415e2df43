import type { Command } from "commander";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly context?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
}

/** The global options together with those of the command itself. */
export function optionsOf<Own extends object>(command: Command): Own & GlobalOptions {
  return command.optsWithGlobals<Own & GlobalOptions>();
}

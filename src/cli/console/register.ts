import { type Command, Option } from "commander";
import { integer, type GlobalOptions } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { ConsoleCommandOptions } from "./console.ts";

export function registerConsole(program: Command, io: Io): void {
  const command = program
    .command("console")
    .description("See the network in a browser: sites, links, services, requests, events")
    .addOption(
      new Option("--port <n>", "where the console answers on this machine")
        .default(8460)
        .argParser(integer(0, 65_535)),
    )
    .option("--no-open", "do not open a browser")
    .option("--in-cluster", "say how to reach the console that the Site has in the cluster", false)
    .addHelpText(
      "after",
      `
Examples:
  isthmus console
  isthmus console --port 9000 --no-open
  isthmus console --listen 0.0.0.0 --password-file password.txt --host console.example
  isthmus console --in-cluster`,
    );
  for (const option of serving()) command.addOption(option);
  command.action(async (options: ConsoleCommandOptions, self: Command) => {
    if (options.inCluster) {
      const { sayWhere } = await import("./in-cluster.ts");
      await sayWhere(await openSession(self, io));
      return;
    }
    const { runConsole } = await import("./console.ts");
    await runConsole(options, await openSession(self, io));
  });
  const run = command
    .command("run", { hidden: true })
    .description("Serve the console of a Site (in a pod)")
    .option("--network <id>", "id of the network")
    .action(async (_options: unknown, self: Command) => {
      const { runInCluster } = await import("./run-in-cluster.ts");
      await runInCluster(
        self.optsWithGlobals<ConsoleCommandOptions & GlobalOptions & { network?: string }>(),
        io,
      );
    });
  for (const option of serving()) run.addOption(option);
}

function serving(): Option[] {
  return [
    new Option("--listen <address>", "address to answer on; others than loopback need a password").default(
      "127.0.0.1",
    ),
    new Option("--password-file <file>", "ask for the password that is the first line of this file"),
    new Option("--tls-cert <file>", "certificate (PEM) [one of its own, outside loopback]"),
    new Option("--tls-key <file>", "its key (PEM)"),
    new Option("--host <name>", "another name that people type to reach it; repeatable").argParser(gather),
    new Option("--proxy-header <name>", "a reverse proxy names the user in this header"),
    new Option("--proxy-address <address>", "address or block of that proxy; repeatable").argParser(gather),
    new Option("--data <dir>", "where history is kept [~/.local/state/isthmus/console]"),
  ];
}

function gather(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

import { type Command, InvalidArgumentError, Option } from "commander";
import { dryOutputOption, integer, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import { APP_PROTOCOLS } from "./app-protocols.ts";
import type { ExposeOptions } from "./expose.ts";

const PORT = integer(1, 65_535);

export function registerExpose(program: Command, io: Io): void {
  program
    .command("expose")
    .argument("<target>", "deployment/NAME or service/NAME")
    .description("Make a workload reachable from every site of the network")
    .option("--port <n>", "port that clients use [of a service: its own ports]", PORT)
    .option("--target-port <n>", "port that the pods listen on [the same]", PORT)
    .option("--name <name>", "name of the service [that of the workload]")
    .addOption(
      new Option(
        "--protocol <protocol>",
        "what is spoken on the port [found out from the first bytes]",
      ).choices(Object.keys(APP_PROTOCOLS)),
    )
    .option(
      "--path <path>",
      "answer under this path on the site's entry port, too, which clients outside can reach",
      path,
    )
    .addOption(waitOption("the export is in force", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus expose deployment/web --port 8080
  isthmus expose deployment/web --port 80 --target-port 8080 --name shop
  isthmus expose deployment/web --port 8080 --protocol http --path /shop/web
  isthmus expose service/db`,
    )
    .action(async (target: string, options: ExposeOptions, command: Command) => {
      const { expose } = await import("./expose.ts");
      await expose({ ...options, target }, await openSession(command, io));
    });
  program
    .command("unexpose")
    .argument("<target>", "deployment/NAME or service/NAME")
    .description("Take a workload out of the network again")
    .option("--name <name>", "name of the service [that of the workload]")
    .action(async (target: string, options: { name?: string }, command: Command) => {
      const { unexpose } = await import("./unexpose.ts");
      await unexpose({ ...options, target }, await openSession(command, io));
    });
}

function path(text: string): string {
  if (!/^\/[^\s?#,=]*$/.test(text)) throw new InvalidArgumentError('Expected a path that begins with "/"');
  return text;
}

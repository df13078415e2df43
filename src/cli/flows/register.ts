import { type Command, InvalidArgumentError, Option } from "commander";
import { duration, integer, outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { FlowsOptions } from "./flows.ts";

export function registerFlows(program: Command, io: Io): void {
  program
    .command("flows")
    .argument("[service]", "SERVICE, or NAMESPACE/SERVICE [of all]")
    .description("Show requests and connections that ended: from where, to which pod, how, and why there")
    .option("-f, --follow", "go on with those that end from now on, until Ctrl-C")
    .option("--source <site>", "of clients in this cluster")
    .option("--destination <site>", "to pods in this cluster")
    .option("--pod <name>", "to this pod")
    .option("--client <address>", "of this client")
    .addOption(new Option("--protocol <name>", "of this protocol").choices(["tcp", "http", "grpc"]))
    .option("--failed", "only what failed")
    .option("--status <status>", "of this HTTP status, or class: 503, 5xx", status)
    .option("--method <name>", "of this HTTP method")
    .option("--path <prefix>", "whose path begins so")
    .option("--min-duration <duration>", "that took at least so long", duration)
    .addOption(new Option("--limit <n>", "the last so many").default(100).argParser(integer(1, 1000)))
    .addOption(
      outputOption(
        ["table", "wide", "json", "yaml"],
        "output format; json with --follow is an object a line",
      ),
    )
    .addHelpText(
      "after",
      `
Routers hold the last flows, and above a rate a sample of them; failures always. It asks them through the API server, which needs
the verb "get" on "pods/proxy".

Examples:
  isthmus flows
  isthmus flows shop/web --follow --failed
  isthmus flows --status 5xx --min-duration 200ms -o json`,
    )
    .action(async (service: string | undefined, options: FlowsOptions, command: Command) => {
      const { flows } = await import("./flows.ts");
      const given = service === undefined ? options : { ...options, service };
      await flows(given, await openSession(command, io));
    });
}

function status(text: string): string {
  if (!/^[1-5](xx|\d\d)$/.test(text)) throw new InvalidArgumentError("Expected a form like 503 or 5xx");
  return text;
}

import { Argument, type Command, Option } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import { SORTS } from "./sorts.ts";
import type { TopOptions } from "./top.ts";

export function registerTop(program: Command, io: Io): void {
  program
    .command("top")
    .description("Show what the services of the network, or their pods, do now: rate, success, latency")
    .addArgument(new Argument("[what]", "what to list").choices(["services", "pods"]).default("services"))
    .argument("[service]", "of this one only: SERVICE, or NAMESPACE/SERVICE")
    .option("--once", "measure for 3 s, print once and end")
    .addOption(new Option("--sort <by>", "what comes first").choices([...SORTS]).default("rps"))
    .addOption(outputOption(["table", "json", "yaml"], "output format; json and yaml print once"))
    .addHelpText(
      "after",
      `
Rates are of the last 10 s, of the requests (TCP: connections) of clients in all clusters. It asks the routers through the API
server, which needs the verb "get" on "pods/proxy". Ctrl-C ends it.

Examples:
  isthmus top
  isthmus top pods shop/web --sort p99
  isthmus top --once -o json`,
    )
    .action(
      async (
        what: "services" | "pods",
        service: string | undefined,
        options: TopOptions,
        command: Command,
      ) => {
        const { top } = await import("./top.ts");
        const given = service === undefined ? options : { ...options, service };
        await top(what, given, await openSession(command, io));
      },
    );
}

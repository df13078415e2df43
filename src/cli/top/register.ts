import { type Command, Option } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { TopOptions } from "./top.ts";
import { SORTS } from "./top-text.ts";

export function registerTop(program: Command, io: Io): void {
  const top = program
    .command("top")
    .description("Show what the services of the network do now: rate, success, latency");
  const services = top
    .command("services", { isDefault: true })
    .description("Services of the network, the busiest first")
    .action(async (options: TopOptions, command: Command) => {
      const { top: run } = await import("./top.ts");
      await run("services", options, await openSession(command, io));
    });
  const pods = top
    .command("pods")
    .argument("[service]", "SERVICE, or NAMESPACE/SERVICE [of all]")
    .description("Their pods, in whatever cluster")
    .action(async (service: string | undefined, options: TopOptions, command: Command) => {
      const { top: run } = await import("./top.ts");
      const given = service === undefined ? options : { ...options, service };
      await run("pods", given, await openSession(command, io));
    });
  for (const command of [services, pods]) {
    command
      .option("--once", "measure for 3 s, print once and end")
      .addOption(new Option("--sort <by>", "what comes first").choices([...SORTS]).default("rps"))
      .addOption(outputOption(["table", "json", "yaml"], "output format; json and yaml print once"));
  }
  top.addHelpText("after", EXAMPLES);
  services.addHelpText("after", EXAMPLES);
  pods.addHelpText("after", EXAMPLES);
}

const EXAMPLES = `
Rates are of the last 10 s, of the requests (TCP: connections) of clients in all clusters. It asks the routers through the API
server, which needs the verb "get" on "pods/proxy". Ctrl-C ends it.

Examples:
  isthmus top
  isthmus top pods shop/web --sort p99
  isthmus top --once -o json`;

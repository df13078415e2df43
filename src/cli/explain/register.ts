import { type Command, InvalidArgumentError } from "commander";
import { integer, outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { ExplainOptions } from "./explain.ts";

export function registerExplain(program: Command, io: Io): void {
  program
    .command("explain")
    .argument("<service>", "SERVICE, or NAMESPACE/SERVICE")
    .description("Say who gets the traffic to a service, and why")
    .option("--port <n>", "port of the service [its first]", integer(1, 65_535))
    .option("--request", "decide for one request, step by step, without sending it", false)
    .option("--client <address>", "address of its client")
    .option("--header <name=value>", "one of its headers; may be repeated", header)
    .option("--path <path>", "its path", path)
    .addOption(outputOption(["table", "json", "yaml"]))
    .addHelpText(
      "after",
      `
It asks a router of the site through the API server, which needs the verb "get" on "pods/proxy".

Examples:
  isthmus explain web
  isthmus explain shop/web --port 8080 -o yaml
  isthmus explain web --request --client 10.1.2.3 --header user=bob`,
    )
    .action(async (service: string, options: ExplainOptions, command: Command) => {
      const { explain } = await import("./explain.ts");
      await explain({ ...options, service }, await openSession(command, io));
    });
}

function header(text: string, earlier: readonly string[] = []): string[] {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+=/.test(text))
    throw new InvalidArgumentError('Expected a form like "user=bob"');
  return [...earlier, text];
}

function path(text: string): string {
  if (!text.startsWith("/")) throw new InvalidArgumentError('Expected a path that begins with "/"');
  return text;
}

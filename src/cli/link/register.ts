import type { Command } from "commander";
import { dryOutputOption, integer, outputOption, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { CreateLinkOptions } from "./create-link.ts";
import type { LinkStatusOptions } from "./link-status.ts";
import type { UpdateLinkOptions } from "./update-link.ts";

const COST = integer(1, 1000);

export function registerLink(program: Command, io: Io): void {
  const link = program.command("link").description("Links from this site to others");
  link
    .command("create")
    .argument("<file>", "token of the site to link to; - is standard input")
    .description("Join the network of another site and link to it")
    .option("--name <name>", "name of the link [the site's name at the other end]")
    .option("--cost <n>", "cost of the link [as the token says, or 1]", COST)
    .addOption(waitOption("the link is up", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus link create c1.yaml
  isthmus link create c1.yaml --cost 4 --wait=30s
  isthmus --context c1 token create - | isthmus --context c2 link create -`,
    )
    .action(async (file: string, options: CreateLinkOptions, command: Command) => {
      const { createLink } = await import("./create-link.ts");
      await createLink({ ...options, file }, await openSession(command, io));
    });
  link
    .command("status")
    .argument("[name]", "one link only")
    .description("Show the links of this site, outgoing and incoming")
    .addOption(outputOption(["table", "wide", "json", "yaml", "name"]))
    .action(async (name: string | undefined, options: LinkStatusOptions, command: Command) => {
      const { printLinkStatus } = await import("./link-status.ts");
      await printLinkStatus(
        { ...options, ...(name === undefined ? {} : { name }) },
        await openSession(command, io),
      );
    });
  link
    .command("update")
    .argument("<name>")
    .description("Change a link in place; nothing is disconnected")
    .requiredOption("--cost <n>", "new cost of the link", COST)
    .addOption(waitOption("the new cost is in force", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .action(async (name: string, options: UpdateLinkOptions, command: Command) => {
      const { updateLink } = await import("./update-link.ts");
      await updateLink({ ...options, name }, await openSession(command, io));
    });
  link
    .command("delete")
    .argument("<name>")
    .description("Take a link away; the site stays a member of the network")
    .action(async (name: string, _options: object, command: Command) => {
      const { deleteLink } = await import("./delete-link.ts");
      await deleteLink(name, await openSession(command, io));
    });
}

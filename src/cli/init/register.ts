import { type Command, Option } from "commander";
import type { LinkAccess } from "#api/kinds/site.ts";
import { dryOutputOption, integer, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { InitOptions } from "./init.ts";
import type { UninstallOptions } from "./uninstall.ts";

// Written out, because loading the schemas would make every command slower.
const LINK_ACCESS: readonly LinkAccess[] = ["None", "ClusterIP", "NodePort", "LoadBalancer"];

export function registerInit(program: Command, io: Io): void {
  program
    .command("init")
    .description("Make this namespace a site: install the controller, which installs the router")
    .option("--site-name <name>", "name of this cluster as other sites see it [from the context]")
    .addOption(
      new Option(
        "--link-access <type>",
        "how other sites reach this one: type of its Service, or None [as it is; LoadBalancer at first]",
      ).choices(LINK_ACCESS),
    )
    .option(
      "--entry-port <n>",
      "answer for exported services by path on this port, from outside too [as it is; off at first]",
      integer(1, 65_535),
    )
    .option("--image <image>", "image of controller and router [of this version]")
    .addOption(waitOption("the site is ready", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus init
  isthmus --context c2 -n shop init --site-name east --entry-port 80
  isthmus init --link-access None -o yaml | kubectl apply -f -`,
    )
    .action(async (options: InitOptions, command: Command) => {
      const { init } = await import("./init.ts");
      await init(options, await openSession(command, io));
    });
  program
    .command("uninstall")
    .description("Take the site out of this namespace, with its links and imported services")
    .addOption(waitOption("its pods are gone", true))
    .addOption(timeoutOption())
    .action(async (options: UninstallOptions, command: Command) => {
      const { uninstall } = await import("./uninstall.ts");
      await uninstall(options, await openSession(command, io));
    });
}

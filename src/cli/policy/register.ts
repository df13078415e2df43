import { type Command, Option } from "commander";
import type { Algorithm, Spread } from "#api/kinds/traffic-policy.ts";
import { dryOutputOption, integer, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { PolicyOptions } from "./set-policy.ts";

// Written out, because loading the schemas would make every command slower.
const SPREADS: readonly Spread[] = ["Endpoints", "Clusters", "Cost"];
const ALGORITHMS: readonly Algorithm[] = ["RoundRobin", "LeastRequest"];

export function registerPolicy(program: Command, io: Io): void {
  program
    .command("policy")
    .description("How this cluster divides its traffic")
    .command("set")
    .argument("<service>", "name of the service, here or imported")
    .description("Say how the traffic from this cluster to a service is divided")
    .addOption(
      new Option("--spread <spread>", "who gets an equal share, or the cheapest path first")
        .choices(SPREADS)
        .default("Endpoints"),
    )
    .addOption(new Option("--algorithm <algorithm>", "who is next inside the spread").choices(ALGORITHMS))
    .option(
      "--spill-at <n>",
      "requests in flight on a path before the next one takes part",
      integer(1, 1_000_000),
    )
    .addOption(waitOption("the policy is in force", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus policy set shop --spread Clusters
  isthmus policy set shop --spread Cost -o yaml`,
    )
    .action(async (service: string, options: PolicyOptions, command: Command) => {
      const { setPolicy } = await import("./set-policy.ts");
      await setPolicy({ ...options, service }, await openSession(command, io));
    });
}

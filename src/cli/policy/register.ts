import { type Command, InvalidArgumentError, Option } from "commander";
import type { Algorithm, Mode, Spread } from "#api/kinds/traffic-policy.ts";
import { dryOutputOption, integer, timeoutOption, waitOption } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession } from "../session.ts";
import type { FailbackOptions } from "./failback.ts";
import { registerPolicyFlags } from "./policy-flags.ts";
import type { PolicyOptions } from "./set-policy.ts";
import { parseTarget, type TargetFlag } from "./target-flag.ts";

// Written out, because loading the schemas would make every command slower.
const MODES: readonly Mode[] = ["Local", "Failover", "ActiveActive"];
const SPREADS: readonly Spread[] = ["Endpoints", "Clusters", "Weighted", "Cost", "Latency"];
const ALGORITHMS: readonly Algorithm[] = ["RoundRobin", "LeastRequest", "Random", "PeakEwma", "Hash"];

export function registerPolicy(program: Command, io: Io): void {
  const policy = program.command("policy").description("How this cluster divides its traffic");
  const set = policy
    .command("set")
    .argument("<service>", "name of the service, here or imported")
    .description("Say how the traffic from this cluster to a service is divided")
    .addOption(
      new Option("--mode <mode>", "which clusters serve: this one only, this one first, or all together")
        .choices(MODES)
        .default("Failover"),
    )
    .option(
      "--target <cluster>",
      "cluster[=weight][@priority] that takes part; may be repeated, in order [all that export the service]",
      target,
    )
    .addOption(
      new Option("--spread <spread>", "who shares: endpoints, clusters, weights, or the best path first")
        .choices(SPREADS)
        .default("Endpoints"),
    )
    .addOption(
      new Option(
        "--algorithm <algorithm>",
        "who is next inside the spread [LeastRequest for HTTP, RoundRobin for TCP]",
      ).choices(ALGORITHMS),
    )
    .option(
      "--spill-at <n>",
      "with spread Cost: requests in flight on a path before the next one takes part",
      integer(1, 1_000_000),
    );
  registerPolicyFlags(set);
  set
    .addOption(waitOption("the policy is in force", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
The options are the whole policy: what is left out gets its default, also where an earlier policy said otherwise.

Examples:
  isthmus policy set web --mode Local
  isthmus policy set web --mode Failover --target east --target west --failback Manual
  isthmus policy set web --mode ActiveActive --spread Weighted --target east=3 --target west=1
  isthmus policy set web --mode ActiveActive --target east=0        # east drains: no new work
  isthmus policy set web --hash Header=x-user --retries 1 --timeout-request 5s -o yaml`,
    )
    .action(async (service: string, options: PolicyOptions, command: Command) => {
      const { setPolicy } = await import("./set-policy.ts");
      await setPolicy({ ...options, service }, await openSession(command, io));
    });
  policy
    .command("failback")
    .argument("<service>")
    .description("Go back to the best cluster now, where the policy says failback Manual")
    .addOption(waitOption("the routers were told", true))
    .addOption(timeoutOption())
    .action(async (service: string, options: FailbackOptions, command: Command) => {
      const { failback } = await import("./failback.ts");
      await failback({ ...options, service }, await openSession(command, io));
    });
  policy
    .command("delete")
    .argument("<service>")
    .description("Take the policy of a service away; kubectl get trafficpolicies lists them")
    .action(async (service: string, _options: object, command: Command) => {
      const { deletePolicy } = await import("./delete-policy.ts");
      await deletePolicy(service, await openSession(command, io));
    });
}

function target(text: string, earlier: readonly TargetFlag[] = []): TargetFlag[] {
  const parsed = parseTarget(text);
  if (typeof parsed === "string") throw new InvalidArgumentError(parsed);
  return [...earlier, parsed];
}

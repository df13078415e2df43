import { Argument, type Command, Option } from "commander";
import { IsthmusError } from "#core/errors.ts";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import type { DemoOptions } from "./run-demo.ts";

type Story = "fair-share" | "traffic" | "discovery";

export function registerDemo(program: Command, io: Io): void {
  program
    .command("demo")
    .description("Several clusters on this machine and one service over all of them: see it happen")
    .addArgument(
      new Argument("[story]", "what to play")
        .choices(["fair-share", "traffic", "discovery"])
        .default("fair-share"),
    )
    .addOption(
      new Option("--scenario <n>", "fair-share: which of the scenarios to run")
        .choices(["1", "2", "3", "4", "all"])
        .default("all"),
    )
    .option("--exit", "take everything down at the end, also on failure", false)
    .option("--keep-alive", "fair-share: keep the clients' connections instead of one per request", false)
    .option("--no-console", "no console, and so no light load beside the story")
    .addOption(outputOption(["json"], "print the results as JSON, and the story on standard error"))
    .addHelpText(
      "after",
      `
discovery plays services and pods by their names over two clusters: local first, the other cluster when there is nothing
here, names of one cluster and of one pod, and a cluster that is cut off.

traffic plays global traffic over four clusters: imports, entry by path, the modes Local, Failover and ActiveActive, pods
that die under load, the way back, and a drain.

fair-share plays scenarios, each with 1,000 requests from 5 clients in c1 to an app in c2 and c3:
  1  one pod each, equal cost: half each
  2  one pod and two pods: a third each; with spread Clusters a half and two quarters
  3  the cheaper link leads to no pods: all requests are answered
  4  one pod and two pods, cost 4 and 2, spread Cost: all pods work`,
    )
    .action(async (story: Story, options: DemoOptions, command: Command) => {
      if (story !== "fair-share") {
        const given = ["scenario", "keepAlive"].find((name) => command.getOptionValueSource(name) === "cli");
        if (given !== undefined) {
          throw new IsthmusError(
            "USAGE",
            `The story ${story} has no scenarios: it takes --exit and -o only`,
            {
              hint: `isthmus demo ${story}`,
            },
          );
        }
        if (story === "discovery") {
          const { runDiscoveryDemo } = await import("./discovery/run-discovery.ts");
          await runDiscoveryDemo(options, io);
          return;
        }
        const { runTrafficDemo } = await import("./traffic/run-traffic.ts");
        await runTrafficDemo(options, io);
        return;
      }
      const { runDemo } = await import("./run-demo.ts");
      await runDemo(options, io);
    });
}

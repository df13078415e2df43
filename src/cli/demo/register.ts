import { type Command, Option } from "commander";
import { outputOption } from "../flags.ts";
import type { Io } from "../io.ts";
import type { DemoOptions } from "./run-demo.ts";

export function registerDemo(program: Command, io: Io): void {
  program
    .command("demo")
    .description("Three clusters on this machine, one service, every pod gets its fair share: see it happen")
    .addOption(
      new Option("--scenario <n>", "which of the scenarios to run")
        .choices(["1", "2", "3", "4", "all"])
        .default("all"),
    )
    .option("--exit", "take everything down at the end, also on failure", false)
    .option("--keep-alive", "keep the clients' connections instead of one per request", false)
    .addOption(outputOption(["json"], "print the results as JSON, and the story on standard error"))
    .addHelpText(
      "after",
      `
Scenarios, each with 1,000 requests from 5 clients in c1 to an app in c2 and c3:
  1  one pod each, equal cost: half each
  2  one pod and two pods: a third each; with spread Clusters a half and two quarters
  3  the cheaper link leads to no pods: all requests are answered
  4  one pod and two pods, cost 4 and 2, spread Cost: all pods work`,
    )
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import("./run-demo.ts");
      await runDemo(options, io);
    });
}

import type { Command } from "commander";
import { IsthmusError } from "#core/errors.ts";
import type { Level } from "#core/log.ts";
import { logLevel } from "../flags.ts";
import { SilentExit } from "../report-error.ts";

interface RunOptions {
  readonly logLevel: Level;
}

interface RouterOptions extends RunOptions {
  readonly config?: string;
  readonly control?: string;
  readonly stateDir?: string;
}

/** The commands that stay: what the pods of an installation and the sandbox's clusters run. */
export function registerRun(program: Command): void {
  const router = program.command("router").description("The data plane");
  router
    .command("run")
    .description("Run a router from a file, or from a site controller's control channel")
    .option("--config <file>", "configuration file (YAML or JSON); followed when it changes")
    .option("--control <url>", "control channel of the site controller (wss://host:port)")
    .option("--state-dir <dir>", "where the last good configuration is kept")
    .addOption(logLevel())
    .action(async (options: RouterOptions) => {
      if ((options.config === undefined) === (options.control === undefined)) {
        throw new IsthmusError("USAGE", "Give one of --config FILE and --control URL", {
          hint: "isthmus router run --config router.yaml",
        });
      }
      await startLogging(options.logLevel);
      const { runRouter } = await import("#router/run.ts");
      const { config, control, stateDir } = options;
      exitWith(
        await runRouter({
          ...(config === undefined ? {} : { config }),
          ...(control === undefined ? {} : { control }),
          ...(stateDir === undefined ? {} : { stateDir }),
        }),
      );
    });
  const controller = program.command("controller").description("The site controller");
  controller
    .command("run")
    .description("Run the site controller (in a pod)")
    .addOption(logLevel())
    .action(async (options: RunOptions) => {
      await startLogging(options.logLevel);
      const { runController } = await import("#site/run.ts");
      exitWith(await runController({}));
    });
}

async function startLogging(level: Level): Promise<void> {
  const log = await import("#core/log.ts");
  await log.startLogging(level);
}

function exitWith(code: number): void {
  if (code !== 0) throw new SilentExit(code);
}

import { type Command, Option } from "commander";
import { IsthmusError } from "#core/errors.ts";
import type { Level } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { type GlobalOptions, integer } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSession, type Session } from "../session.ts";
import { SilentExit } from "../report-error.ts";

interface RunOptions {
  readonly logLevel: Level;
}

interface RouterOptions extends RunOptions {
  readonly config?: string;
  readonly control?: string;
  readonly stateDir?: string;
}

interface DnsRunOptions extends RunOptions {
  readonly listen: string;
  readonly zone: string;
  readonly ttl: number;
  readonly allNamespaces?: boolean;
}

/** The commands that stay: what the pods of an installation and the sandbox's clusters run. */
export function registerRun(program: Command, io: Io): void {
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
  const dns = program.command("dns").description("Names of imported services");
  dns
    .command("run")
    .description("Answer DNS for the imported services of a cluster")
    .option("--listen <address>", "where to answer, over UDP and TCP", "127.0.0.1:5353")
    .option("--zone <name>", "the zone to answer for", "clusterset.local")
    .addOption(
      new Option("--ttl <seconds>", "how long answers may be kept").default(5).argParser(integer(0, 3600)),
    )
    .option("--all-namespaces", "for imports of all namespaces, and not of one only")
    .addOption(logLevel())
    .action(async (options: DnsRunOptions, command: Command) => {
      const at = listenAt(options.listen);
      await startLogging(options.logLevel);
      const { runDns } = await import("#site/dns/run-dns.ts");
      exitWith(
        await runDns({
          ...at,
          origin: options.zone,
          ttl: options.ttl,
          ...(await clusterOf(options, { command, io })),
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

/** `127.0.0.1:53`, `[::]:53`. */
function listenAt(text: string): { hostname: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = bracketed ?? plain;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw new IsthmusError("USAGE", `Cannot listen on "${text}": expected HOST:PORT`, {
      hint: "isthmus dns run --listen 127.0.0.1:5353",
    });
  }
  return { hostname, port };
}

/** In a pod its own cluster; else the one that the options name. */
async function clusterOf(
  { allNamespaces = false }: DnsRunOptions,
  { command, io }: { readonly command: Command; readonly io: Io },
): Promise<{ client: KubeClient; namespace?: string }> {
  const { context, namespace } = command.optsWithGlobals<GlobalOptions>();
  let session: Pick<Session, "client" | "namespace">;
  if (context === undefined && io.env["KUBERNETES_SERVICE_HOST"] !== undefined) {
    const [{ KubeClient: Client }, { inCluster }] = await Promise.all([
      import("#kube/client.ts"),
      import("#kube/in-cluster.ts"),
    ]);
    const connection = inCluster(io.env);
    session = { client: new Client(connection), namespace: namespace ?? connection.namespace };
  } else session = await openSession(command, io);
  return { client: session.client, ...(allNamespaces ? {} : { namespace: session.namespace }) };
}

async function startLogging(level: Level): Promise<void> {
  const log = await import("#core/log.ts");
  await log.startLogging(level);
}

function logLevel(): Option {
  return new Option("--log-level <level>", "how much to log")
    .choices(["debug", "info", "warning", "error"] satisfies Level[])
    .default("info");
}

function exitWith(code: number): void {
  if (code !== 0) throw new SilentExit(code);
}

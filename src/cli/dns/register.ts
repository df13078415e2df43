import { type Command, Option } from "commander";
import { IsthmusError } from "#core/errors.ts";
import type { Level } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import {
  dryOutputOption,
  duration,
  type GlobalOptions,
  integer,
  logLevel,
  timeoutOption,
  waitOption,
} from "../flags.ts";
import type { Io } from "../io.ts";
import { SilentExit } from "../report-error.ts";
import { openSession, type Session } from "../session.ts";
import type { DnsInstallOptions } from "./install.ts";
import type { DnsUninstallOptions } from "./uninstall.ts";

interface DnsRunOptions {
  readonly listen: string;
  readonly zone: string;
  readonly ttl: number;
  readonly allNamespaces?: boolean;
  readonly strict?: boolean;
  readonly metrics?: string;
  readonly drain: number;
  readonly logLevel: Level;
}

const ZONE = ["--zone <name>", "the zone to answer for", "clusterset.local"] as const;
const STRICT = ["--strict", "by the letter of the standard: no names of one cluster"] as const;

export function registerDns(program: Command, io: Io): void {
  const dns = program.command("dns").description("Names of imported services");
  dns
    .command("run")
    .description("Answer DNS for the imported services of a cluster")
    .option("--listen <address>", "where to answer, over UDP and TCP", "127.0.0.1:5353")
    .option(...ZONE)
    .addOption(ttl())
    .option("--all-namespaces", "for imports of all namespaces, and not of one only")
    .option(...STRICT)
    .option("--metrics <address>", "where to show /metrics, /healthz and /readyz [nowhere]")
    .addOption(
      new Option("--drain <duration>", "after SIGTERM, answer on for so long while not ready [0s]")
        .default(0, "0s")
        .argParser(duration),
    )
    .addOption(logLevel())
    .action(async (options: DnsRunOptions, command: Command) => {
      const { listen, metrics, zone, strict = false, drain } = options;
      const at = addressOf(listen, "listen");
      const metricsAt = metrics === undefined ? undefined : addressOf(metrics, "metrics");
      const log = await import("#core/log.ts");
      await log.startLogging(options.logLevel);
      const { runDns } = await import("#site/dns/run-dns.ts");
      const code = await runDns({
        ...at,
        origin: zone,
        ttl: options.ttl,
        strict,
        drainMs: drain,
        ...(metricsAt === undefined ? {} : { metrics: metricsAt }),
        ...(await clusterOf(options, { command, io })),
      });
      if (code !== 0) throw new SilentExit(code);
    });
  registerInstall(dns, io);
}

function registerInstall(dns: Command, io: Io): void {
  dns
    .command("install")
    .description("Print what answers DNS in a cluster, or with --apply put it there")
    .option("--apply", "make it so, instead of printing it", false)
    .option("--coredns", "the change of CoreDNS that sends the zone there", false)
    .addOption(new Option("--replicas <n>", "how many").default(2).argParser(integer(1, 100)))
    .option(...ZONE)
    .addOption(ttl())
    .option(...STRICT)
    .option("--image <image>", "image [of this version]")
    .addOption(waitOption("it answers", true))
    .addOption(timeoutOption())
    .addOption(dryOutputOption())
    .addHelpText(
      "after",
      `
Examples:
  isthmus -n isthmus-system dns install | kubectl apply -f -
  isthmus -n isthmus-system dns install --coredns            # the change of CoreDNS, as a diff
  isthmus -n isthmus-system dns install --coredns --apply    # both, made`,
    )
    .action(async (options: DnsInstallOptions, command: Command) => {
      const { installDns } = await import("./install.ts");
      await installDns(options, await openSession(command, io));
    });
  dns
    .command("uninstall")
    .description("Take the DNS server out of a cluster, and its zone out of CoreDNS")
    .option(...ZONE)
    .action(async (options: DnsUninstallOptions, command: Command) => {
      const { uninstallDns } = await import("./uninstall.ts");
      await uninstallDns(options, await openSession(command, io));
    });
}

function ttl(): Option {
  return new Option("--ttl <seconds>", "how long answers may be kept").default(5).argParser(integer(0, 3600));
}

/** `127.0.0.1:53`, `[::]:53`; brackets around an IPv4 address are right too. */
function addressOf(text: string, option: "listen" | "metrics"): { hostname: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = bracketed ?? plain;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw new IsthmusError("USAGE", `Cannot listen on "${text}": expected HOST:PORT`, {
      hint: `isthmus dns run --${option} 127.0.0.1:${option === "listen" ? 5353 : 9153}`,
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

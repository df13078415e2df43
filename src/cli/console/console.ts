import { dirname, join } from "node:path";
import { openConsole } from "#console/open-console.ts";
import { SandboxSites } from "#console/sandbox/sandbox-sites.ts";
import { systemClock } from "#core/clock.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { startLogging } from "#core/log.ts";
import { runChecks } from "#observe/checks/run-checks.ts";
import { podProxySource } from "#observe/sources/pod-proxy.ts";
import type { CheckCategory } from "#observe/views.ts";
import { sandboxHome } from "#sandbox/home.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";
import { type AccessFlags, authOf, tlsOf } from "./console-access.ts";
import { historyFile } from "./history-file.ts";
import { openBrowser } from "./open-browser.ts";

export interface ConsoleCommandOptions extends AccessFlags {
  readonly port: number;
  readonly open: boolean;
  readonly inCluster: boolean;
  readonly data?: string;
}

/** Observes with the rights of the user's kubeconfig and serves the console until Ctrl-C. */
export async function runConsole(options: ConsoleCommandOptions, session: Session): Promise<void> {
  const { io, client, namespace } = session;
  const auth = authOf(options);
  const tls = await tlsOf(options);
  const site = await requireSite(session);
  const dir = options.data ?? join(dirname(sandboxHome(io.env)), "console");
  const sandbox = new SandboxSites();
  await startLogging("warning");
  const ended = untilSignal();
  const opened = await openConsole({
    source: podProxySource({ client, namespace }),
    checks: (siteId) => (siteId === site.status?.id ? gathered(session) : Promise.resolve(undefined)),
    store: historyFile(dir, { siteUid: site.metadata.uid ?? "site", nowMs: systemClock.now() }),
    network: site.status?.network ?? "",
    cli: session.command("").trimEnd(),
    sandbox: (await sandbox.has(client.connection.server)) ? sandbox : undefined,
    listen: { hostname: options.listen, port: options.port },
    auth,
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    hosts: options.host ?? [],
  });
  const { url } = opened.console;
  io.out(`Console of site "${siteName(site)}": ${url}\n`);
  if (auth.mode === "password") io.err(`It asks for the password in ${options.passwordFile ?? "the file"}\n`);
  if (tls?.own === true)
    io.err("Its certificate is its own, so that browsers warn: --tls-cert and --tls-key give another\n");
  for (const link of opened.mended) io.err(`Link ${link} was cut, and is mended\n`);
  io.err("Ctrl-C ends it\n");
  if (options.open) openBrowser(url, io);
  await ended;
  await opened.stop();
}

async function gathered({ client, namespace }: Session): Promise<CheckCategory[]> {
  return await Array.fromAsync(runChecks({ client, namespace, clock: systemClock }));
}

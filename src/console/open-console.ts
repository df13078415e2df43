import { type Clock, systemClock } from "#core/clock.ts";
import { VERSION } from "#core/version.ts";
import { observerApi } from "#observe/api.ts";
import { Observer, type ObserverOptions } from "#observe/observer.ts";
import type { RouterSource } from "#observe/source.ts";
import { consoleAssets } from "./assets.ts";
import { SandboxControls } from "./sandbox/sandbox-controls.ts";
import type { SandboxSites } from "./sandbox/sandbox-sites.ts";
import { type Console, type ConsoleOptions, serveConsole } from "./server.ts";

export interface OpenConsoleOptions extends Pick<ConsoleOptions, "auth" | "tls" | "listen" | "hosts"> {
  readonly source: RouterSource;
  readonly checks?: ObserverOptions["checks"];
  /** File for history, or ":memory:". */
  readonly store: string;
  /** Id of the network, as far as it is known. */
  readonly network: string;
  /** Prefix of CLI commands that reach the same cluster. */
  readonly cli: string;
  /** The clusters are of this sandbox, so that things can be broken. */
  readonly sandbox?: SandboxSites | undefined;
  readonly clock?: Clock;
  /** How long to wait for the first look at a router, so that the first page has something to show, ms [3000]. */
  readonly readyMs?: number;
}

/** An observer with its console. */
export interface OpenConsole {
  readonly console: Console;
  readonly observer: Observer;
  readonly controls: SandboxControls | undefined;
  /** Links that an earlier console had cut, and that are mended now. */
  readonly mended: readonly string[];
  stop(): Promise<void>;
}

const READY_MS = 3000;

/** Begins to observe and serves what is seen. Throws what `serveConsole` throws, and then leaves nothing behind. */
export async function openConsole(options: OpenConsoleOptions): Promise<OpenConsole> {
  const { source, checks, store, network, cli, sandbox, clock = systemClock, readyMs = READY_MS } = options;
  const assets = await consoleAssets();
  const observer = new Observer({
    source,
    clock,
    store: { path: store },
    ...(checks === undefined ? {} : { checks }),
  });
  const controls =
    sandbox === undefined
      ? undefined
      : new SandboxControls({ sites: sandbox, links: () => observer.network().links });
  const startedMs = clock.now();
  let served: Console;
  try {
    served = serveConsole({
      api: observerApi(observer, { clock }),
      assets,
      about: () => ({
        version: VERSION,
        site: selfName(observer),
        network,
        sandbox: controls !== undefined,
        startedMs,
        historyFromMs: observer.historyFromMs,
        cli,
      }),
      clock,
      listen: options.listen,
      ...(controls === undefined ? {} : { controls }),
      ...(options.auth === undefined ? {} : { auth: options.auth }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
    });
  } catch (error) {
    observer.stop();
    throw error;
  }
  observer.start();
  const [mended = []] = await Promise.all([
    controls?.start().catch(() => undefined),
    // Without an answer the console says so itself.
    readyMs === 0 ? undefined : observer.ready({ timeoutMs: readyMs }).catch(() => undefined),
  ]);
  return {
    console: served,
    observer,
    controls,
    mended,
    async stop() {
      // Nobody cuts anything any more when the links are mended.
      await served.stop();
      observer.stop();
      await controls?.stop();
    },
  };
}

/** Empty while no router was heard yet. */
function selfName(observer: Observer): string {
  try {
    return observer.self().name;
  } catch {
    return "";
  }
}

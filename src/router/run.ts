import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor } from "#core/log.ts";
import { systemRandom } from "#core/random.ts";
import { VERSION } from "#core/version.ts";
import { ConfigWatch, loadConfigFile } from "./control/config-file.ts";
import type { RouterConfig } from "./config.ts";
import { ControlClient } from "./control/control-client.ts";
import type { ControllerMessage, RouterMessage } from "./control/control-protocol.ts";
import { LastGood } from "./control/last-good.ts";
import { parseToldConfig } from "./control/told-config.ts";
import { Router, type RouterOptions } from "./router.ts";
import { tlsTransport } from "./network/tls-transport.ts";

const log = logFor("router");

export interface RunRouterOptions {
  /** Configuration file, followed when it changes. */
  readonly config?: string;
  /** wss://host:port of the site controller; with env ISTHMUS_CONTROL_TOKEN, and ISTHMUS_CONTROL_CA (PEM). */
  readonly control?: string;
  /** Where the last good configuration is kept; needed with `control`. */
  readonly stateDir?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Resolves when the router should drain and end; by default SIGTERM or SIGINT. */
  readonly until?: Promise<unknown>;
  /** Called when everything is open: with `control`, when the first configuration is applied. */
  readonly onReady?: (router: Router) => void;
}

type Common = Omit<RouterOptions, "config" | "generation" | "onState">;

/**
 * Runs a router until a signal, then drains it. Resolves with the exit code 0, also when the drain time ran out.
 * Throws `IsthmusError`: INVALID for a configuration that cannot be used, ADDRESS_IN_USE, USAGE.
 */
export async function runRouter(options: RunRouterOptions): Promise<number> {
  const env = options.env ?? process.env;
  const until = options.until ?? untilSignal();
  const common: Common = {
    transport: tlsTransport(),
    clock: systemClock,
    random: systemRandom,
    env,
    hostname: env["HOSTNAME"] ?? hostname(),
    version: VERSION,
  };
  // No timer or channel of ours keeps the process; until the signal, this does.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    if (options.config !== undefined)
      return await runFromFile(options.config, { common, until, onReady: options.onReady });
    if (options.control !== undefined)
      return await runFromControl(options.control, { ...options, common, until, env });
    throw new IsthmusError("USAGE", "A router needs a configuration file or a control channel", {
      hint: "isthmus router run --config FILE",
    });
  } finally {
    clearInterval(alive);
  }
}

interface FromFile {
  readonly common: Common;
  readonly until: Promise<unknown>;
  readonly onReady: ((router: Router) => void) | undefined;
}

async function runFromFile(path: string, { common, until, onReady }: FromFile): Promise<number> {
  const { config, files } = loadConfigFile(path);
  const router = new Router({ ...common, config });
  router.start();
  const watch = new ConfigWatch(path, {
    clock: common.clock,
    files,
    onConfig: (next) => {
      router.apply(next);
      log.info("Configuration applied", { path });
    },
    onRefused: ({ problems, message }) => {
      router.refuse(problems);
      log.error("Configuration refused, the last good one stays", {
        path,
        field: problems[0]?.field ?? "",
        reason: problems[0]?.message ?? message,
      });
    },
  });
  log.info("Router runs", { site: config.site.id, listeners: config.listeners?.length ?? 0 });
  onReady?.(router);
  await until;
  watch.stop();
  return await drainAndStop(router);
}

interface FromControl {
  readonly common: Common;
  readonly until: Promise<unknown>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDir?: string;
  readonly onReady?: (router: Router) => void;
}

async function runFromControl(
  url: string,
  { common, until, env, stateDir, onReady }: FromControl,
): Promise<number> {
  const token = env["ISTHMUS_CONTROL_TOKEN"];
  if (token === undefined || token === "" || stateDir === undefined) {
    throw new IsthmusError("USAGE", "A control channel needs a token and a state directory", {
      hint: "ISTHMUS_CONTROL_TOKEN=… isthmus router run --control wss://host:port --state-dir DIR",
    });
  }
  const lastGood = new LastGood(stateDir);
  let router: Router | undefined;
  const channel: { client?: ControlClient } = {};
  const tell = (message: RouterMessage): void => channel.client?.send(message);
  const use = (config: RouterConfig, generation: number): void => {
    if (router === undefined) {
      const first = new Router({
        ...common,
        config,
        generation,
        onState: (state) => tell({ type: "state", state }),
      });
      first.start({ strict: false });
      router = first;
      onReady?.(first);
    } else router.apply(config, generation);
  };
  const receive = ({ generation, config: value }: ControllerMessage): void => {
    const result = parseToldConfig(value);
    if (result.ignored.length > 0)
      log.warn("The controller is newer than this router: what it says beyond what is known is left out", {
        generation,
        fields: result.ignored.map(({ field }) => field).join(", "),
      });
    if (!result.ok) {
      router?.refuse(result.problems);
      const [first] = result.problems;
      log.error("Configuration refused, the last good one stays", {
        generation,
        field: first?.field ?? "",
        reason: first?.message ?? "",
      });
      tell({ type: "applied", generation, problems: result.problems });
      return;
    }
    try {
      use(result.config, generation);
    } catch (error) {
      log.error("Configuration could not be applied", { generation, reason: messageOf(error) });
      tell({ type: "applied", generation, problems: [{ field: "", message: messageOf(error) }] });
      return;
    }
    lastGood.save({ generation, config: result.config });
    tell({ type: "applied", generation, problems: router?.state().problems ?? [] });
  };
  const last = lastGood.load();
  if (last !== undefined) {
    log.info("Starting with the last good configuration", { generation: last.generation });
    try {
      use(last.config, last.generation);
    } catch (error) {
      log.error("The last good configuration does not work any more", { reason: messageOf(error) });
    }
  }
  const podIp = env["POD_IP"];
  const { hostname: id, version } = common;
  const client = new ControlClient({
    url,
    token,
    ca: caOf(env["ISTHMUS_CONTROL_CA"]),
    clock: common.clock,
    random: common.random,
    hello: (): RouterMessage[] => [
      { type: "hello", router: { id, version, ...(podIp === undefined ? {} : { podIp }) } },
      ...(router === undefined ? [] : [{ type: "state", state: router.state() } as const]),
    ],
    onMessage: receive,
  });
  channel.client = client;
  await until;
  const code = router === undefined ? 0 : await drainAndStop(router);
  client.stop();
  return code;
}

/** The PEM text itself, or the path of a file that holds it. */
function caOf(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  return value.includes("-----BEGIN ") ? value : readFileSync(value, "utf8");
}

async function drainAndStop(router: Router): Promise<number> {
  log.info("Draining", { flows: router.flows.size });
  const left = await router.drain();
  if (left > 0) log.warn("Drain time is over, what still flows is reset", { flows: left });
  router.stop();
  return 0;
}

import { readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { parseConfig, type KeyPairConfig, type RouterConfig } from "../config.ts";
import type { Problem } from "../config.ts";

/** Larger files are refused before they are parsed, bytes. */
export const CONFIG_FILE_LIMIT = 16 * 1024 * 1024;

const POLL_MS = 1000;
const SETTLE_MS = 25;

export interface LoadedConfig {
  readonly config: RouterConfig;
  /** The file and every file it names: a change of any means: load again. */
  readonly files: readonly string[];
}

/** Why a file was refused; `problems` name the fields. */
export class ConfigRefused extends IsthmusError {
  readonly problems: readonly Problem[];
  readonly files: readonly string[];

  constructor(path: string, details: { problems: readonly Problem[]; files?: readonly string[] }) {
    const [first] = details.problems;
    const field = first?.field === "" || first === undefined ? "" : ` at "${first.field}"`;
    super("INVALID", `Cannot use configuration "${path}"${field}: ${first?.message ?? "it is not valid"}`, {
      hint: `Correct ${path}; src/router/README.md lists every field`,
    });
    this.problems = details.problems;
    this.files = details.files ?? [path];
  }
}

/**
 * Reads a YAML or JSON file (JSON is YAML), checks it, and replaces `*File` references by the text of those files (relative to the configuration). Throws `ConfigRefused`.
 */
export function loadConfigFile(path: string): LoadedConfig {
  const absolute = resolve(path);
  let value: unknown;
  try {
    if (statSync(absolute).size > CONFIG_FILE_LIMIT)
      throw new Error(`Larger than ${CONFIG_FILE_LIMIT} bytes`);
    value = parse(readFileSync(absolute, "utf8"), { schema: "core", uniqueKeys: true, maxAliasCount: 50 });
  } catch (error) {
    throw new ConfigRefused(path, { problems: [{ field: "", message: messageOf(error) }] });
  }
  const result = parseConfig(value);
  if (!result.ok) throw new ConfigRefused(path, { problems: result.problems });
  return resolveFiles(result.config, { path, base: dirname(absolute), files: [absolute] });
}

function resolveFiles(
  config: RouterConfig,
  { path, base, files }: { path: string; base: string; files: string[] },
): LoadedConfig {
  const { identity, entry } = config;
  const problems: Problem[] = [];
  const read = (field: string, name: string | undefined): string => {
    const file = resolve(base, name ?? "");
    files.push(file);
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      problems.push({ field, message: messageOf(error) });
      return "";
    }
  };
  const pair = (field: string, from: KeyPairConfig): { certificate: string; key: string } => ({
    certificate: from.certificate ?? read(`${field}.certificateFile`, from.certificateFile),
    key: from.key ?? read(`${field}.keyFile`, from.keyFile),
  });
  const resolved: RouterConfig = {
    ...config,
    ...(identity === undefined
      ? {}
      : {
          identity: {
            network: identity.network,
            client: pair("identity.client", identity.client),
            server: pair("identity.server", identity.server),
            trust: identity.trust ?? read("identity.trustFile", identity.trustFile),
          },
        }),
    ...(config.listeners === undefined
      ? {}
      : {
          listeners: config.listeners.map(({ tls, ...listener }, index) =>
            tls === undefined ? listener : { ...listener, tls: pair(`listeners[${index}].tls`, tls) },
          ),
        }),
    ...(entry?.tls === undefined ? {} : { entry: { ...entry, tls: pair("entry.tls", entry.tls) } }),
  };
  if (problems.length > 0) throw new ConfigRefused(path, { problems, files });
  return { config: resolved, files };
}

export interface WatchOptions {
  readonly clock: Clock;
  /** What the first load looked at. */
  readonly files: readonly string[];
  readonly onConfig: (config: RouterConfig) => void;
  readonly onRefused: (error: ConfigRefused) => void;
}

/**
 * Follows a configuration file and the files it names, also through renames and swapped symbolic links (as a mounted
 * ConfigMap or Secret changes): the directory's events make it quick, a look each second makes it sure.
 */
export class ConfigWatch {
  readonly #path: string;
  readonly #options: WatchOptions;
  readonly #stops: (() => void)[] = [];
  #files: readonly string[];
  readonly #fingerprints = new Fingerprints();
  #seen: string;
  #pending: (() => void) | undefined;

  constructor(path: string, options: WatchOptions) {
    this.#path = path;
    this.#options = options;
    this.#files = options.files;
    this.#seen = this.#fingerprints.of(this.#files);
    this.#stops.push(options.clock.every(POLL_MS, () => this.#look()));
    try {
      const watcher: FSWatcher = watch(dirname(resolve(path)), { persistent: false }, () => this.#soon());
      watcher.on("error", () => watcher.close());
      this.#stops.push(() => watcher.close());
    } catch {
      // The look each second is enough where the file system has no events.
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#pending?.();
    this.#pending = undefined;
  }

  /** Editors write in several steps: wait until the directory is quiet. */
  #soon(): void {
    this.#pending?.();
    this.#pending = this.#options.clock.after(SETTLE_MS, () => {
      this.#pending = undefined;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#fingerprints.of(this.#files);
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      const { config, files } = loadConfigFile(this.#path);
      this.#follow(files);
      this.#options.onConfig(config);
    } catch (error) {
      const refused =
        error instanceof ConfigRefused
          ? error
          : new ConfigRefused(this.#path, { problems: [{ field: "", message: messageOf(error) }] });
      this.#follow(refused.files);
      this.#options.onRefused(refused);
    }
  }

  #follow(files: readonly string[]): void {
    this.#files = files;
    this.#seen = this.#fingerprints.of(files);
  }
}

/** Timestamps of files are coarse: within this of a change, ms, another one may look the same. */
const RACY_MS = 2000;

/** What files hold, as one text: read only when their times say that it may have changed. */
class Fingerprints {
  readonly #known = new Map<
    string,
    { readonly stat: string; readonly hash: string; readonly settled: boolean }
  >();

  of(files: readonly string[]): string {
    return files.map((file) => this.#hashOf(file)).join(" ");
  }

  #hashOf(file: string): string {
    try {
      const { mtimeMs, size, ino } = statSync(file);
      const stat = `${mtimeMs}/${size}/${ino}`;
      const known = this.#known.get(file);
      if (known?.settled === true && known.stat === stat) return known.hash;
      const hash = Bun.hash(readFileSync(file)).toString(36);
      this.#known.set(file, { stat, hash, settled: Date.now() - mtimeMs > RACY_MS });
      return hash;
    } catch {
      this.#known.delete(file);
      return "absent";
    }
  }
}

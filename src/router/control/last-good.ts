import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "#core/errors.ts";
import { writeFileAtomic } from "#core/file.ts";
import { logFor } from "#core/log.ts";
import { parseConfig, type RouterConfig } from "../config.ts";

const log = logFor("router", "control");

export interface LastGoodConfig {
  readonly generation: number;
  readonly config: RouterConfig;
}

/**
 * The last configuration that was applied, in the state directory (0600, it holds keys), so that a router starts while
 * its controller is away. A disk that cannot be written is logged and not fatal.
 */
export class LastGood {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, "router-config.json");
    try {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    } catch (error) {
      log.error("State directory cannot be made", { stateDir, reason: messageOf(error) });
    }
  }

  /** Undefined when there is none, or it cannot be used by this version. */
  load(): LastGoodConfig | undefined {
    try {
      const value = JSON.parse(readFileSync(this.#path, "utf8")) as {
        generation?: unknown;
        config?: unknown;
      };
      const result = parseConfig(value.config);
      if (!result.ok || typeof value.generation !== "number") return undefined;
      return { generation: value.generation, config: result.config };
    } catch {
      return undefined;
    }
  }

  save(last: LastGoodConfig): void {
    try {
      writeFileAtomic(this.#path, JSON.stringify(last), 0o600);
    } catch (error) {
      log.error("Last good configuration cannot be written", { path: this.#path, reason: messageOf(error) });
    }
  }
}

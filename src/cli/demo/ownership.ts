import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsthmusError } from "#core/errors.ts";
import { writeFileAtomic } from "#core/file.ts";
import { CLUSTERS } from "./places.ts";

/** A running cluster: `pid` and `startTime` together name one process for ever. */
export interface RunningCluster {
  readonly name: string;
  readonly pid: number;
  readonly startTime: string;
}

/** Which clusters the demo has started, written down so that a later demo knows its own. */
export class Ownership {
  readonly #file: string;

  /** `sandboxHome`: directory of the sandbox's clusters; the record lies beside it. */
  constructor(sandboxHome: string) {
    this.#file = join(dirname(sandboxHome), "demo.json");
  }

  /**
   * The names of the demo's clusters that run, to be taken down first. Throws CONFLICT when one of the names belongs to
   * a cluster that somebody else started.
   */
  claim(running: readonly RunningCluster[]): string[] {
    const own = new Set(this.#read().map(key));
    const inTheWay = running.filter((cluster) => CLUSTERS.some((name) => name === cluster.name));
    const foreign = inTheWay.filter((cluster) => !own.has(key(cluster))).map(({ name }) => name);
    if (foreign.length > 0) {
      const are = foreign.length === 1 ? "cluster is" : "clusters are";
      throw new IsthmusError("CONFLICT", `The sandbox ${are} not the demo's own: ${foreign.join(", ")}`, {
        hint: `If nobody needs ${foreign.length === 1 ? "it" : "them"}: isthmus sandbox down ${foreign.join(" ")}`,
        retryable: false,
      });
    }
    return inTheWay.map(({ name }) => name);
  }

  /** Writes down that these are the demo's. */
  record(running: readonly RunningCluster[]): void {
    const own = running.filter((cluster) => CLUSTERS.some((name) => name === cluster.name));
    writeFileAtomic(this.#file, `${JSON.stringify({ clusters: own }, undefined, 2)}\n`);
  }

  forget(): void {
    rmSync(this.#file, { force: true });
  }

  #read(): RunningCluster[] {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      const clusters =
        typeof value === "object" && value !== null && "clusters" in value ? value.clusters : [];
      return Array.isArray(clusters) ? clusters.filter(isRunningCluster) : [];
    } catch {
      return [];
    }
  }
}

function key({ name, pid, startTime }: RunningCluster): string {
  return `${name} ${pid} ${startTime}`;
}

function isRunningCluster(value: unknown): value is RunningCluster {
  if (typeof value !== "object" || value === null) return false;
  const { name, pid, startTime } = value as Partial<Record<keyof RunningCluster, unknown>>;
  return typeof name === "string" && typeof pid === "number" && typeof startTime === "string";
}

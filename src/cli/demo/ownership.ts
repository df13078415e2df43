import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsthmusError } from "#core/errors.ts";
import { writeFileAtomic } from "#core/file.ts";
/** A cluster of the sandbox; `pid` is absent when its process has died. */
export interface OwnableCluster {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: "Running" | "Stopped" | "Dead";
}

interface Owned {
  readonly name: string;
  readonly pid: number;
}

/** Which clusters the demo has started, written down so that a later demo knows its own. */
export class Ownership {
  readonly #file: string;
  readonly #clusters: readonly string[];

  /** `sandboxHome`: directory of the sandbox's clusters; the record lies beside it. */
  constructor(
    sandboxHome: string,
    { clusters, record }: { readonly clusters: readonly string[]; readonly record: string },
  ) {
    this.#file = join(dirname(sandboxHome), record);
    this.#clusters = clusters;
  }

  /**
   * The names of the demo's clusters that run, to be taken down first. Throws CONFLICT when one of the names belongs to
   * a cluster that somebody else started.
   */
  claim(running: readonly OwnableCluster[]): string[] {
    const owned = this.#read();
    const isOwn = ({ name, pid, state }: OwnableCluster): boolean =>
      owned.some((own) => own.name === name && (own.pid === pid || state === "Dead"));
    const inTheWay = running.filter(({ name }) => this.#clusters.includes(name));
    const foreign = inTheWay.filter((cluster) => !isOwn(cluster)).map(({ name }) => name);
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
  record(running: readonly OwnableCluster[]): void {
    const own = running.flatMap(({ name, pid }): Owned[] =>
      pid !== undefined && this.#clusters.includes(name) ? [{ name, pid }] : [],
    );
    writeFileAtomic(this.#file, `${JSON.stringify({ clusters: own }, undefined, 2)}\n`);
  }

  forget(): void {
    rmSync(this.#file, { force: true });
  }

  #read(): Owned[] {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      const clusters: unknown =
        typeof value === "object" && value !== null && "clusters" in value ? value.clusters : [];
      return Array.isArray(clusters) ? clusters.filter(isOwned) : [];
    } catch {
      return [];
    }
  }
}

function isOwned(value: unknown): value is Owned {
  if (typeof value !== "object" || value === null) return false;
  return "name" in value && typeof value.name === "string" && "pid" in value && typeof value.pid === "number";
}

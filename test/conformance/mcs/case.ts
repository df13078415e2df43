import type { Cluster } from "./clusters.ts";

export interface Case {
  /** What has to hold. */
  readonly name: string;
  readonly required: boolean;
  /** Section of KEP-1645. */
  readonly section: string;
  /** Throws what does not hold. `service` is a name that no other case uses; the first cluster exports. */
  readonly run: (service: string, clusters: readonly [Cluster, Cluster]) => Promise<void>;
}

/** Throws unless it holds. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Throws unless both are the same; the order of keys does not matter. */
export function same(found: unknown, wanted: unknown, what: string): void {
  if (!Bun.deepEquals(found, wanted))
    throw new Error(`${what}: found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
}

/** Throws as soon as it does not hold, for a while. */
export async function stays(holds: () => Promise<boolean>, what: string, forMs = 5000): Promise<void> {
  const endMs = performance.now() + forMs;
  do {
    check(await holds(), what);
    await Bun.sleep(200);
  } while (performance.now() < endMs);
}

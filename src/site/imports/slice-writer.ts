import type { EndpointSlice } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "../caches.ts";
import { importSlices, isSliceAsWanted } from "./import-slices.ts";
import type { DesiredImport, Source } from "./imports.ts";

/** The slices of a cluster that is silent for so long are deleted; at once they say that nothing there is ready. */
export const SLICE_LEASE_MS = 60_000;

export interface SliceWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly leaseMs?: number | undefined;
}

/**
 * Writes the EndpointSlices of imports (import-slices.ts). Each exporting cluster has a lease on its slices, renewed as long as it is
 * heard: the import outlives a silent cluster, its slices do not. Leases are kept in memory and begin anew with the controller.
 */
export class SliceWriter {
  readonly #options: SliceWriterOptions;
  readonly #leaseMs: number;
  #desired: ReadonlyMap<string, DesiredImport> = new Map();
  /** Since when a source is silent; by import and cluster. */
  #silentSinceMs = new Map<string, number>();
  /** What was found written at the last look. */
  readonly #written = new Map<string, string>();

  constructor(options: SliceWriterOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? SLICE_LEASE_MS;
  }

  /** Plans anew; gives the names of imports whose slices may have to be written. */
  plan(desired: ReadonlyMap<string, DesiredImport>): string[] {
    const nowMs = this.#options.clock.monotonicMs();
    const silentSinceMs = new Map<string, number>();
    for (const { name, sources } of desired.values()) {
      for (const { cluster, heard } of sources) {
        const key = keyOf(name, cluster);
        if (!heard) silentSinceMs.set(key, this.#silentSinceMs.get(key) ?? nowMs);
      }
    }
    const gone = [...this.#desired.keys()].filter((name) => !desired.has(name));
    this.#silentSinceMs = silentSinceMs;
    this.#desired = desired;
    for (const name of gone) this.#written.delete(name);
    return [...gone, ...[...desired.values()].flatMap((one) => (this.#isWritten(one) ? [] : one.name))];
  }

  /** Somebody has touched a slice of that import. */
  touched(name: string): void {
    this.#written.delete(name);
  }

  /** Forgets all: another process writes now. */
  reset(): void {
    this.#desired = new Map();
    this.#silentSinceMs.clear();
    this.#written.clear();
  }

  /** Writes the slices of one import; comes again when a lease ends. */
  async reconcile(name: string): Promise<ReconcileResult> {
    const { client, caches } = this.#options;
    const desired = this.#desired.get(name);
    const object = caches.imports.get(caches.namespace, name);
    const known = new Map(caches.slicesOfImport(name).map((slice) => [slice.metadata.name, slice]));
    const isLive = object !== undefined && object.metadata.deletionTimestamp === undefined;
    const text = desired === undefined ? "" : this.#text(desired);
    // Noted first: who touches a slice while we write takes it back. A failure comes again by itself.
    if (desired !== undefined) this.#written.set(name, text);
    // Judged once: what ends while we write is the next turn's.
    const left = new Map(desired?.sources.map((source) => [source, this.#leftMs(name, source)]));
    const isOver = (source: Source): boolean => (left.get(source) ?? 0) <= 0;
    const wanted = desired === undefined || !isLive ? [] : importSlices(desired, { object, isOver });
    for (const slice of wanted) {
      const before = known.get(slice.metadata.name);
      known.delete(slice.metadata.name);
      if (before === undefined) await this.#create(slice);
      else if (!isSliceAsWanted(before, slice))
        await client.update<EndpointSlice>(RESOURCES.endpointSlices, {
          ...before,
          ...slice,
          metadata: { ...before.metadata, ...slice.metadata },
        });
    }
    for (const { metadata } of known.values())
      await client.delete(RESOURCES.endpointSlices, { namespace: caches.namespace, name: metadata.name });
    if (desired === undefined) return {};
    const silent = desired.sources.filter((source) => !source.heard && !isOver(source));
    const leftMs = Math.min(...silent.map((source) => left.get(source) ?? 0));
    return Number.isFinite(leftMs) ? { requeueAfterMs: leftMs } : {};
  }

  /** One that is there already was made just now, and the cache has not heard of it; that wakes us again. */
  async #create(slice: EndpointSlice): Promise<void> {
    try {
      await this.#options.client.create<EndpointSlice>(RESOURCES.endpointSlices, slice);
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "ALREADY_EXISTS") throw error;
    }
  }

  #leftMs(name: string, { cluster }: Source): number {
    const nowMs = this.#options.clock.monotonicMs();
    return (this.#silentSinceMs.get(keyOf(name, cluster)) ?? nowMs) + this.#leaseMs - nowMs;
  }

  #isWritten(desired: DesiredImport): boolean {
    return this.#written.get(desired.name) === this.#text(desired);
  }

  /** All that the slices depend on, but for the time. */
  #text({ name, sources, ports }: DesiredImport): string {
    const { caches } = this.#options;
    const object = caches.imports.get(caches.namespace, name);
    return JSON.stringify([object?.metadata.uid, object?.spec.ips, ports, sources]);
  }
}

function keyOf(name: string, cluster: string): string {
  return `${name}/${cluster}`;
}

import type { EndpointSlice } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "../caches.ts";
import { clusterLabel } from "./cluster-id.ts";
import { importSlices, isSliceAsWanted, type SliceSource, updatedSlice } from "./import-slices.ts";
import type { DesiredImport } from "./imports.ts";
import type { PinTarget } from "./pin-services.ts";
import { sliceSource } from "./slice-sources.ts";
import { MCS_CLUSTER_LABEL } from "../names.ts";

/** The slices of a cluster that is silent for so long are deleted; at once they say that nothing there is ready. */
export const SLICE_LEASE_MS = 60_000;

export interface SliceWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  /** Addresses that lead to one cluster or pod alone. */
  readonly pinned: (target: PinTarget) => readonly string[];
  readonly leaseMs?: number | undefined;
}

/**
 * Writes the EndpointSlices of imports (import-slices.ts). Each exporting cluster has a lease on its slices, renewed as long as it is
 * heard: the import outlives a silent cluster, its slices do not. Leases are kept in memory and begin anew with the controller; until it
 * has heard of a cluster, that one's slices stay as they are.
 */
export class SliceWriter {
  readonly #options: SliceWriterOptions;
  readonly #leaseMs: number;
  #desired: ReadonlyMap<string, DesiredImport> = new Map();
  #strict = false;
  /** Since when an exporter is silent; by import and cluster. */
  #silentSinceMs = new Map<string, number>();
  /** What was found written at the last look. */
  readonly #written = new Map<string, string>();

  constructor(options: SliceWriterOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? SLICE_LEASE_MS;
  }

  /** Plans anew; gives the names of imports whose slices may have to be written. */
  plan(desired: ReadonlyMap<string, DesiredImport>, { strict }: { readonly strict: boolean }): string[] {
    const nowMs = this.#options.clock.monotonicMs();
    const silentSinceMs = new Map<string, number>();
    for (const one of desired.values()) {
      for (const cluster of silentOf(one)) {
        const key = keyOf(one.name, cluster);
        silentSinceMs.set(key, this.#silentSinceMs.get(key) ?? nowMs);
      }
    }
    const gone = [...this.#desired.keys()].filter((name) => !desired.has(name));
    this.#silentSinceMs = silentSinceMs;
    this.#desired = desired;
    this.#strict = strict;
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
    const sources = desired === undefined ? new Map<string, SliceSource>() : this.#sources(desired);
    // Noted first: who touches a slice while we write takes it back. A failure comes again by itself.
    if (desired !== undefined) this.#written.set(name, this.#text(desired, sources));
    // Judged once: what ends while we write is the next turn's.
    const leases = new Map(
      (desired === undefined ? [] : silentOf(desired)).map((cluster) => [
        cluster,
        this.#leftMs(name, cluster),
      ]),
    );
    const isOver = (cluster: string): boolean => (leases.get(cluster) ?? 1) <= 0;
    const live = [...sources.values()].filter(({ id }) => !isOver(clusterLabel(id)));
    const wanted = isLive ? importSlices(object, live) : [];
    for (const slice of wanted) {
      const before = known.get(slice.metadata.name);
      known.delete(slice.metadata.name);
      if (before === undefined) await this.#create(slice);
      else if (!isSliceAsWanted(before, slice))
        await client.update<EndpointSlice>(RESOURCES.endpointSlices, updatedSlice(before, slice));
    }
    for (const { metadata } of known.values()) {
      const id = metadata.labels?.[MCS_CLUSTER_LABEL] ?? "";
      const unheardOf = !sources.has(id) && leases.has(clusterLabel(id)) && !isOver(clusterLabel(id));
      if (isLive && unheardOf) continue;
      await client.delete(RESOURCES.endpointSlices, { namespace: caches.namespace, name: metadata.name });
    }
    const dueMs = Math.min(...[...leases.values()].filter((leftMs) => leftMs > 0));
    return Number.isFinite(dueMs) ? { requeueAfterMs: dueMs } : {};
  }

  /** One that is there already was made just now, and the cache has not heard of it; that wakes us again. */
  async #create(slice: EndpointSlice): Promise<void> {
    try {
      await this.#options.client.create<EndpointSlice>(RESOURCES.endpointSlices, slice);
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "ALREADY_EXISTS") throw error;
    }
  }

  #leftMs(name: string, cluster: string): number {
    const nowMs = this.#options.clock.monotonicMs();
    return (this.#silentSinceMs.get(keyOf(name, cluster)) ?? nowMs) + this.#leaseMs - nowMs;
  }

  #isWritten(desired: DesiredImport): boolean {
    const written = this.#written.get(desired.name);
    return written !== undefined && written === this.#text(desired, this.#sources(desired));
  }

  /** By id. Two sites that call themselves the same are one cluster: the one that has more to show, and the pods of both. */
  #sources(desired: DesiredImport): Map<string, SliceSource> {
    const { caches, pinned } = this.#options;
    const sources = new Map<string, SliceSource>();
    for (const source of desired.sources) {
      const made = sliceSource(desired, { source, caches, pinned, strict: this.#strict });
      const other = sources.get(made.id);
      if (other === undefined) sources.set(made.id, made);
      else {
        const best = made.ready && !other.ready ? made : other;
        sources.set(made.id, { ...best, pods: [...other.pods, ...made.pods] });
      }
    }
    return sources;
  }

  /** All that the slices depend on, but for the time. */
  #text({ name }: DesiredImport, sources: ReadonlyMap<string, SliceSource>): string {
    const { caches } = this.#options;
    const object = caches.imports.get(caches.namespace, name);
    return JSON.stringify([object?.metadata.uid, object?.spec.type, object?.spec.ips, [...sources.values()]]);
  }
}

/** Exporters of which nothing is heard, by label: silent ones, and those that were not heard of yet. */
function silentOf({ exporters, sources }: DesiredImport): string[] {
  const heard = new Set(sources.flatMap(({ cluster, heard: is }) => (is ? cluster : [])));
  return exporters.filter((cluster) => !heard.has(cluster));
}

function keyOf(name: string, cluster: string): string {
  return `${name}/${cluster}`;
}

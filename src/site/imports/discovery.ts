import type { Service } from "#api/builtin.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "../caches.ts";
import type { SiteState } from "../network-view.ts";
import type { ListenerBook } from "../routers/listener-book.ts";
import { clusterLabel } from "./cluster-id.ts";
import { HeldReach, HOLD_MS } from "./held-reach.ts";
import { ImportWriter } from "./import-writer.ts";
import type { Conflict } from "./merge-exports.ts";
import { pinOf } from "./pin-services.ts";
import { PinWriter } from "./pin-writer.ts";
import { SliceWriter } from "./slice-writer.ts";
import { clustersetOf } from "./clusterset-service.ts";

export interface DiscoveryOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly book: ListenerBook;
  /** How long the EndpointSlices of a silent cluster stay, ms [60,000]. */
  readonly sliceLeaseMs?: number | undefined;
  /** How long a cluster that was away has to be back before it is seen, ms [as the Site says]. */
  readonly holdMs?: number | undefined;
  /** How long a pin waits for a cluster or pod that has gone, ms [60,000]. */
  readonly pinLingerMs?: number | undefined;
  /** Something is due without any news. */
  readonly onDue: () => void;
}

/** Names of imports for each kind of what may have to be written. */
export interface DiscoveryWrites {
  readonly imports: readonly string[];
  readonly pins: readonly string[];
  readonly slices: readonly string[];
}

/**
 * What this cluster's clients find of the services of all clusters: the import with its address, addresses of single clusters and pods, and
 * the EndpointSlices that DNS is made of.
 *
 *     sites --planImports--> desired imports --planPins--> Services of clusters and pods --> EndpointSlices
 */
export class Discovery {
  readonly imports: ImportWriter;
  readonly pins: PinWriter;
  readonly slices: SliceWriter;
  readonly #options: DiscoveryOptions;
  readonly #reach = new HeldReach();
  #cancelDue = (): void => {};

  constructor(options: DiscoveryOptions) {
    const { client, caches, clock, book, sliceLeaseMs, pinLingerMs } = options;
    this.#options = options;
    this.pins = new PinWriter({ client, caches, clock, book, lingerMs: pinLingerMs });
    this.imports = new ImportWriter({ client, caches, clock, book, pins: this.pins });
    this.slices = new SliceWriter({
      client,
      caches,
      clock,
      leaseMs: sliceLeaseMs,
      pinned: (target) => this.pins.addresses(target),
    });
  }

  /** Plans anew, of all sites that the routers know, this one first; undefined when no router has spoken. */
  plan(sites: readonly SiteState[] | undefined): void {
    this.#noteReach(sites);
    this.imports.plan(sites, {
      selfId: sites?.[0]?.id,
      isSteady: (cluster) => this.#reach.isThere(cluster),
    });
    this.pins.plan(this.imports.desired, { strict: this.#strict });
  }

  /** What may have to be written, after the last plan. */
  writes(): DiscoveryWrites {
    return {
      imports: this.imports.toWrite(),
      pins: this.pins.toWrite(),
      slices: this.slices.plan(this.imports.desired, { strict: this.#strict }),
    };
  }

  conflicts(name: string): readonly Conflict[] | undefined {
    return this.imports.conflicts(name);
  }

  /** Forgets what was planned: another process writes now. */
  reset(): void {
    this.#cancelDue();
    this.imports.reset();
    this.pins.reset();
    this.slices.reset();
  }

  get #strict(): boolean {
    return this.#options.caches.site()?.spec.discovery?.strict ?? false;
  }

  #noteReach(sites: readonly SiteState[] | undefined): void {
    const { clock, onDue } = this.#options;
    const nowMs = clock.monotonicMs();
    const { holdSeconds } = this.#options.caches.site()?.spec.discovery ?? {};
    this.#reach.holdMs = this.#options.holdMs ?? (holdSeconds === undefined ? HOLD_MS : holdSeconds * 1000);
    if (sites !== undefined) {
      const reachable = new Map<string, boolean>();
      for (const { name, reachable: is } of sites) {
        const cluster = clusterLabel(name);
        reachable.set(cluster, is || reachable.get(cluster) === true);
      }
      this.#reach.update(reachable, nowMs);
    }
    this.#cancelDue();
    const dueMs = this.#reach.dueInMs(nowMs);
    this.#cancelDue = dueMs === undefined ? () => {} : clock.after(dueMs, onDue);
  }
}

/** Whose import a Service stands for, as a whole or in part; undefined for any other Service. */
export function discoveredOf(service: Service): string | undefined {
  return clustersetOf(service) ?? pinOf(service)?.of;
}

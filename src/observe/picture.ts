import { IsthmusError } from "#core/errors.ts";
import type { RouterRecord } from "./collect/router-record.ts";
import { nextEdges, type KnownEdge } from "./model/links.ts";
import { momentOf, type Moment } from "./model/moment.ts";
import { routerLinks } from "./model/router-links.ts";
import { topologyOf, type Topology, type TopologyService } from "./model/topology.ts";
import type { LinkEdge } from "./views.ts";

export interface PictureOptions {
  readonly records: ReadonlyMap<string, RouterRecord>;
  /** Edges as an observer before this one kept them. */
  readonly keptEdges: unknown;
  /** Why nobody was heard, when nobody was. */
  readonly error: () => unknown;
}

/** What the routers together say of the network, as of the last round. */
export class Picture {
  readonly #options: PictureOptions;
  #now: { readonly topology: Topology; readonly moment: Moment } | undefined;
  #edges: ReadonlyMap<string, KnownEdge>;
  /** Who was heard for the topology. */
  #heard = "";
  #stateChanged = false;

  constructor(options: PictureOptions) {
    this.#options = options;
    this.#edges = restoredEdges(options.keptEdges);
  }

  /** Whether the own site was heard. */
  get isThere(): boolean {
    return this.#now !== undefined;
  }

  /** Throws why there is nothing to see yet: UNREACHABLE, or what the source said. */
  get now(): { readonly topology: Topology; readonly moment: Moment } {
    if (this.#now === undefined) throw this.unheard();
    return this.#now;
  }

  get edges(): ReadonlyMap<string, KnownEdge> {
    return this.#edges;
  }

  /** Some router said something new of its state or its services: the topology is made anew in the next round. */
  stateChanged(): void {
    this.#stateChanged = true;
  }

  /** Ends a round. */
  look({
    selfId,
    round,
    nowMs,
  }: {
    readonly selfId: string;
    readonly round: number;
    readonly nowMs: number;
  }): Topology {
    const shown = [...this.shown(nowMs)];
    const topology = this.#topology(shown, { selfId, nowMs });
    const { records } = this.#options;
    this.#now = { topology, moment: momentOf(records, { atMs: nowMs, round }) };
    this.#edges = nextEdges(this.#edges, {
      routers: shown.flatMap((record) => routerLinks(record, { round, nowMs }) ?? []),
      selfId,
      siteIds: topology.sites,
      nowMs,
    });
    return topology;
  }

  /** Routers that were heard not too long ago. */
  *shown(nowMs: number): Generator<RouterRecord> {
    for (const record of this.#options.records.values()) if (record.isShown(nowMs)) yield record;
  }

  /** Throws NOT_FOUND. */
  service(key: string): TopologyService {
    const service = this.now.topology.services.get(key);
    if (service !== undefined) return service;
    throw new IsthmusError("NOT_FOUND", `There is no service ${key} in the network`, {
      hint: "Services are those that `isthmus top` lists, as namespace/name",
    });
  }

  siteName(siteId: string): string | undefined {
    return this.#now?.topology.sites.get(siteId)?.name;
  }

  /** Why there is nothing to see yet. */
  unheard(): IsthmusError {
    const error = this.#options.error();
    if (error instanceof IsthmusError) return error;
    return new IsthmusError("UNREACHABLE", "No router of the site was heard yet", {
      ...(error === undefined ? {} : { cause: error }),
      hint: "isthmus check",
    });
  }

  /** Another one only when somebody said something new, or is not heard any more, or again. */
  #topology(
    shown: readonly RouterRecord[],
    { selfId, nowMs }: { readonly selfId: string; readonly nowMs: number },
  ): Topology {
    const heard = shown.map((record) => `${record.key} ${record.isStale(nowMs)}`).join("\n");
    if (this.#now !== undefined && !this.#stateChanged && heard === this.#heard) return this.#now.topology;
    const words = shown.flatMap((record) => {
      const { key: routerId, siteId, state, troubles } = record;
      return state === undefined ? [] : [{ routerId, siteId, stale: record.isStale(nowMs), state, troubles }];
    });
    this.#stateChanged = false;
    this.#heard = heard;
    return topologyOf(words, selfId);
  }
}

function restoredEdges(kept: unknown): Map<string, KnownEdge> {
  if (!Array.isArray(kept)) return new Map();
  const edges: readonly LinkEdge[] = kept;
  return new Map(edges.map((edge) => [edge.id, { edge }]));
}

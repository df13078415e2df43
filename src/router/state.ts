import type { AdvertisedPort } from "./network/advertisement.ts";
import type { Only, Problem } from "./config.ts";
import type { ExportTerms } from "./export-terms.ts";

export interface LinkState {
  readonly name: string;
  readonly direction: "dialled" | "accepted";
  readonly remoteSiteId: string;
  readonly remoteSiteName: string;
  readonly cost: number;
  readonly rttMs: number;
  readonly lanes: number;
  readonly state: "up" | "connecting" | "down";
  readonly error?: string;
}

export interface SiteState {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  /** False keeps everything else as it was last heard: absence of news is no deletion. */
  readonly reachable: boolean;
  /** Cost of the cheapest path; absent when there is none. */
  readonly cost?: number;
  readonly links: readonly { readonly site: string; readonly cost: number; readonly rttMs: number }[];
  /** Ids of its routers that are known and can be reached, this one's own among them. */
  readonly routers?: readonly string[];
  readonly services: readonly {
    readonly service: string;
    readonly ports: readonly AdvertisedPort[];
    readonly terms?: ExportTerms;
    readonly endpoints: readonly {
      readonly id: string;
      readonly name: string;
      /** As the other site wrote it. */
      readonly hostname?: string;
      readonly ready: boolean;
      readonly weight: number;
    }[];
  }[];
}

export interface ListenerState {
  readonly service: string;
  readonly port: number;
  /** The address it really has. */
  readonly listen: string;
  /** What it is narrowed to. */
  readonly only?: Only;
  readonly state: "open" | "error";
  readonly error?: string;
}

/** How the new work of one service and port is divided now, in percent of it; made from its explanation. */
export interface PolicyState {
  readonly service: string;
  readonly port: number;
  readonly tiers: readonly {
    readonly tier: number;
    readonly clusters: readonly string[];
    readonly healthyPercent: number;
    readonly sharePercent: number;
  }[];
  readonly clusters: readonly {
    readonly cluster: string;
    readonly sharePercent: number;
    readonly endpoints: readonly { readonly name: string; readonly sharePercent: number }[];
  }[];
  /** Targets that are no site of the network. */
  readonly unknownTargets: readonly string[];
}

/** What a router tells its site controller, and /v1/state. */
export interface RouterState {
  readonly routerId: string;
  readonly links: readonly LinkState[];
  /** This site first, then the others by id. */
  readonly sites: readonly SiteState[];
  readonly listeners: readonly ListenerState[];
  /** Of each service and port that has a listener here. */
  readonly policies?: readonly PolicyState[];
  /** Why the last configuration was refused, or what of it cannot work now. */
  readonly problems: readonly Problem[];
}

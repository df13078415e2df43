import type { RouterState } from "../state.ts";

/*
 * What a router tells an observer: `GET /v1/observe` on its admin endpoint, and the same for another site's router over the links
 * (`GET /v1/sites/<site id>/v1/observe`). The asker keeps the cursors; a router keeps no state for those who ask.
 *
 *     first ask   ?                                           everything that is held
 *     next ask    ?epoch=E&flows=F&events=V&traffic=T&state=S      what is newer; all of it when the epoch is another one
 */

/** One answer; its arrays are bounded, and `more` says that another ask finds the rest at once. */
export interface Observation {
  readonly router: ObservedRouter;
  /** When this was said, ms since the Unix epoch by the router's clock. */
  readonly atMs: number;
  /** Absent when it is what the asker has (`state` cursor). */
  readonly state?: RouterState;
  readonly links: readonly LinkTraffic[];
  /** Rows that changed since the cursor. Counts only grow, within one epoch. */
  readonly traffic: readonly TrafficRow[];
  /** Oldest first. */
  readonly flows: readonly FlowRecord[];
  /** Records that were overwritten before this asker came for them, since its cursor. */
  readonly flowsLost: number;
  /** Of the flows that ended since the cursor so many were not recorded, by sampling; failures always are, up to a bound. */
  readonly flowsUnsampled: number;
  /** Oldest first. */
  readonly events: readonly RouterEvent[];
  readonly eventsLost: number;
  readonly next: ObservationCursor;
  readonly more: boolean;
}

export interface ObservationCursor {
  /** Of the process: another one means that all counts began anew. */
  readonly epoch: string;
  readonly flows: number;
  readonly events: number;
  readonly traffic: number;
  readonly state: number;
}

export interface ObservedRouter {
  readonly id: string;
  readonly siteId: string;
  readonly siteName: string;
  readonly namespace: string;
  readonly version: string;
  readonly startedMs: number;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  /** Of this site's certificate; absent before the site is in a network. ISO 8601. */
  readonly certificateExpires?: string;
}

export interface LinkTraffic {
  readonly name: string;
  readonly remoteSiteId: string;
  readonly remoteRouterId: string;
  readonly direction: "dialled" | "accepted";
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly streams: number;
  readonly bufferedBytes: number;
  /** Smoothed, as it is now; that in `state` may be a little older. */
  readonly rttMs?: number;
}

/**
 * What went from this router's clients to one endpoint, for one port of a service; the near router alone counts it, so that
 * nothing is counted twice. A row whose endpoint is "" is for what no endpoint was found for.
 */
export interface TrafficRow {
  /** `namespace/name` */
  readonly service: string;
  readonly port: number;
  readonly protocol: "tcp" | "http" | "grpc";
  readonly destinationSiteId: string;
  readonly destinationSite: string;
  /**
   * Id in the network: site/endpoint. `site/` holds what endpoints of that site had that have been gone for some minutes: their
   * rows are added to it, so that sums stay. That is no traffic: it happened before.
   */
  readonly endpoint: string;
  /** The pod. */
  readonly endpointName: string;
  /** TCP connections of clients; of HTTP requests that are over. */
  readonly total: number;
  /** Now. */
  readonly active: number;
  /** HTTP answers by class, 1xx (of which only 101 counts) to 5xx; of gRPC the status decides: OK is 2xx, the rest 5xx. Empty for TCP. */
  readonly codes: readonly number[];
  /**
   * Ended by a reset that was not the client's, or (endpoint "") refused; for HTTP those that this router answered itself with
   * 5xx, or broke off.
   */
  readonly failures: number;
  /** Attempts here after which another one was made, mostly elsewhere. */
  readonly retries: number;
  /** Of HTTP/2 only what is in bodies. */
  readonly bytesToEndpoint: number;
  readonly bytesToClient: number;
  /** Requests by duration (TCP: time to connect), one count per bound of `DURATION_BOUNDS_MS` and one for what is longer; not cumulative. */
  readonly durations: readonly number[];
  readonly durationSumMs: number;
}

/** Upper bounds of the duration buckets, ms. The same for metrics, flows and console. */
export const DURATION_BOUNDS_MS = [
  0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10_000,
  30_000,
] as const;

/** One TCP connection, or one HTTP request, that ended. */
export interface FlowRecord {
  readonly seq: number;
  readonly protocol: "tcp" | "http" | "grpc";
  readonly startedMs: number;
  readonly durationMs: number;
  readonly service: string;
  readonly port: number;
  /** Of the client, without the port. */
  readonly client: string;
  readonly destinationSiteId: string;
  readonly destinationSite: string;
  /** Ids of the sites that it passed, this one first. */
  readonly path: readonly string[];
  readonly endpoint: string;
  readonly endpointName: string;
  readonly bytesToEndpoint: number;
  readonly bytesToClient: number;
  /** Attempts in all; 1 when the first one served. */
  readonly attempts: number;
  readonly outcome: "ok" | "error";
  /** Why it failed, as the client saw it: a reset code, `client-left`, or a reason of the router's own; absent where a 5xx of the endpoint says it. */
  readonly reason?: string;
  /** Why this endpoint: spread and algorithm, tier, and what else decided (affinity, retry, trial), in a few words. */
  readonly why: string;
  /** Of HTTP. The path is cut at 200 bytes and never has its query, which may hold secrets. */
  readonly http?: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly status: number;
    readonly grpcStatus?: number;
  };
}

/** Something that changed at a router and that a person would like to see on a time line. */
export interface RouterEvent {
  readonly seq: number;
  readonly atMs: number;
  readonly kind:
    | "LinkUp"
    | "LinkDown"
    | "SiteReachable"
    | "SiteUnreachable"
    | "EndpointEjected"
    | "EndpointBack"
    | "Failover"
    | "Failback"
    | "NoEndpoints"
    | "EndpointsBack"
    | "ConfigApplied"
    | "ConfigRefused";
  readonly service?: string;
  readonly siteId?: string;
  readonly link?: string;
  readonly endpointName?: string;
  /** One sentence for people. */
  readonly message: string;
}

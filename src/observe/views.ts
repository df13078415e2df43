import type { FlowRecord, RouterEvent } from "#router/observe/observation.ts";
import type { ServiceExplanation } from "#router/explain/explanation.ts";

/*
 * What the observer shows: the JSON of its API, of `isthmus top|flows|check -o json`, and what the console draws.
 *
 *     GET /api/v1/network                         NetworkView
 *     GET /api/v1/services                        ServicesView
 *     GET /api/v1/services/<ns>/<name>            ServiceView        ?port=
 *     GET /api/v1/services/<ns>/<name>/history    HistoryView        ?from=&to= (ms)  &step= (ms)
 *     GET /api/v1/services/<ns>/<name>/explain    ServiceExplanation ?site=<id>&port=
 *     GET /api/v1/flows                           FlowsView          FlowFilter as query
 *     GET /api/v1/sites/<id>                      SiteView
 *     GET /api/v1/activity                        ActivityView       ?before=&limit=&service=&site=
 *     GET /api/v1/about                           AboutView
 *
 * Asked with `Accept: text/event-stream`, each of the first three, flows and activity streams: event `view` with the whole view first,
 * then `view` again when it changed (at most one a second), for services `update` with a ServicesUpdate, for flows `flows` with a FlowsView
 * and for activity `activity` with an ActivityView of what is new, both oldest first; a comment line each 10 s when nothing is said. Times are ms since the Unix epoch, rates are per
 * second over the last RATE_WINDOW_MS, shares are percent. Errors are {"error":{"code","message","hint"}}.
 */

/** Rates and quantiles that are "now" are over this window. */
export const RATE_WINDOW_MS = 10_000;

export interface AboutView {
  readonly version: string;
  /** The site whose router is asked first; empty until that has answered. */
  readonly site: string;
  readonly network: string;
  /** Whether clusters are a sandbox's, so that things can be broken here (controls). */
  readonly sandbox: boolean;
  /** Sent back as the header `x-isthmus-csrf` with what changes something. */
  readonly csrf: string;
  readonly startedMs: number;
  /** History begins here. */
  readonly historyFromMs: number;
  /** Prefix of CLI commands that reach the same cluster: `isthmus --context sandbox-c1 -n interconnect`. */
  readonly cli: string;
}

export interface NetworkView {
  readonly atMs: number;
  readonly sites: readonly SiteNode[];
  readonly links: readonly LinkEdge[];
  /** Requests and connections from site to site. */
  readonly traffic: readonly SiteTraffic[];
}

export interface SiteNode {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly reachable: boolean;
  /** The one that the observer stands at. */
  readonly self: boolean;
  readonly routers: readonly RouterNode[];
  readonly services: number;
  readonly podsReady: number;
  readonly pods: number;
  /** Of its own clients. */
  readonly rps: number;
  readonly certificateExpires?: string;
}

export interface RouterNode {
  readonly id: string;
  readonly version: string;
  readonly startedMs: number;
  /** When it was last heard; what it says is shown as stale after 3 s. */
  readonly observedMs: number;
  readonly stale: boolean;
  readonly memoryBytes: number;
  readonly cpuPercent: number;
}

/** One link, seen from both ends where both are observed. */
export interface LinkEdge {
  /** Stable: dialler's site, name. */
  readonly id: string;
  readonly name: string;
  /** Site ids; `from` dialled. */
  readonly from: string;
  readonly to: string;
  readonly cost: number;
  readonly rttMs: number;
  readonly lanes: number;
  readonly state: "up" | "connecting" | "down";
  /** Since when it is in this state. */
  readonly sinceMs: number;
  readonly error?: string;
  readonly streams: number;
  /** Per second, from `from` to `to` and back. */
  readonly bytesForth: number;
  readonly bytesBack: number;
}

export interface SiteTraffic {
  readonly from: string;
  readonly to: string;
  readonly rps: number;
  readonly bytesPerSecond: number;
}

/** Of work in the rate window. */
export interface Load {
  /** HTTP requests, or TCP connections, per second. */
  readonly rps: number;
  /** Percent without failure and 5xx; absent when there was none. */
  readonly successPercent?: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
  readonly bytesPerSecond: number;
  readonly active: number;
}

export interface ServicesView {
  readonly atMs: number;
  readonly services: readonly ServiceRow[];
}

/** Rows that changed, and keys of those that are gone. */
export interface ServicesUpdate {
  readonly atMs: number;
  readonly changed: readonly ServiceRow[];
  readonly removed: readonly string[];
}

export interface ServiceRow {
  /** `namespace/name` */
  readonly service: string;
  readonly protocol: string;
  readonly ports: readonly number[];
  readonly load: Load;
  readonly podsReady: number;
  readonly pods: number;
  readonly sites: readonly string[];
  /** Share of each site in the window beside what the policy wants. */
  readonly shares: readonly {
    readonly site: string;
    readonly percent: number;
    readonly wantedPercent?: number;
  }[];
  /** A worse tier serves, or nothing does. */
  readonly state: "ok" | "failover" | "down" | "idle";
}

export interface ServiceView {
  readonly atMs: number;
  readonly row: ServiceRow;
  readonly port: number;
  readonly pods: readonly PodRow[];
  /** Client sites, each with its own policy and view; the observer's own first. */
  readonly clients: readonly {
    readonly site: string;
    readonly siteId: string;
    readonly load: Load;
    readonly mode: string;
    readonly spread: string;
    readonly algorithm: string;
  }[];
}

export interface PodRow {
  readonly endpoint: string;
  readonly name: string;
  readonly site: string;
  readonly siteId: string;
  readonly ready: boolean;
  readonly load: Load;
  readonly sharePercent: number;
  readonly wantedPercent?: number;
  /** Since its router was first observed. */
  readonly total: number;
}

/** Columns of equal length: `timesMs[i]` is the beginning of step i. A gap (nobody observed) is null in every series. */
export interface HistoryView {
  readonly service: string;
  readonly stepMs: number;
  readonly timesMs: readonly number[];
  /** Requests per second by pod, the busiest 20 and one named "others". */
  readonly pods: readonly {
    readonly name: string;
    readonly site: string;
    readonly rps: readonly (number | null)[];
  }[];
  readonly errors: readonly (number | null)[];
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
  readonly events: readonly ActivityItem[];
  readonly gaps: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** A record with where it was recorded. */
export interface FlowView extends FlowRecord {
  /** Unique and rising in the store. */
  readonly id: number;
  readonly sourceSiteId: string;
  readonly sourceSite: string;
  readonly router: string;
}

/** All that are given must hold. */
export interface FlowFilter {
  readonly service?: string;
  /** Site name or id. */
  readonly source?: string;
  readonly destination?: string;
  readonly endpoint?: string;
  readonly client?: string;
  readonly protocol?: "tcp" | "http" | "grpc";
  readonly outcome?: "ok" | "error";
  /** "503" or "5xx" */
  readonly status?: string;
  readonly method?: string;
  /** Prefix. */
  readonly path?: string;
  readonly minDurationMs?: number;
  /** Only with a lower id: the next page. */
  readonly before?: number;
  /** [100], at most 1000. */
  readonly limit?: number;
}

export interface FlowsView {
  readonly atMs: number;
  /** Newest first. */
  readonly flows: readonly FlowView[];
  /** Flows of the last minute that were not recorded (sampling) or lost before they were fetched. */
  readonly unsampled: number;
  readonly lost: number;
}

export interface SiteView {
  readonly atMs: number;
  readonly site: SiteNode;
  readonly links: readonly LinkEdge[];
  /** As `isthmus check` says it; absent where the observer has no access to that site's cluster. */
  readonly checks?: readonly CheckCategory[];
  readonly services: readonly {
    readonly service: string;
    readonly podsReady: number;
    readonly pods: number;
  }[];
}

export interface CheckCategory {
  readonly category: string;
  readonly checks: readonly CheckResult[];
}

export interface CheckResult {
  readonly name: string;
  readonly result: "ok" | "warning" | "failed" | "skipped";
  readonly message?: string;
  readonly hint?: string;
}

export interface ActivityItem {
  readonly id: number;
  readonly atMs: number;
  readonly kind:
    | RouterEvent["kind"]
    | "ObserverGap"
    | "RouterRestarted"
    | "RouterLost"
    | "SiteJoined"
    | "ServiceAppeared"
    | "ServiceGone";
  readonly severity: "info" | "warning" | "error";
  readonly message: string;
  readonly siteId?: string;
  readonly site?: string;
  readonly service?: string;
}

export interface ActivityView {
  /** Newest first. */
  readonly items: readonly ActivityItem[];
}

/** POST /api/v1/controls, in a sandbox only, with the header `x-isthmus-csrf`. Answer: {"ok":true,"message"} or an error. */
export type Control =
  /** SIGKILL to its processes; its kubelet starts them again. */
  | { readonly do: "kill-pod"; readonly site: string; readonly pod: string }
  /** Deletes it, gracefully; its Deployment makes another. */
  | { readonly do: "stop-pod"; readonly site: string; readonly pod: string }
  | { readonly do: "cut-link" | "restore-link"; readonly link: string }
  /** Pods of the Deployment behind a service at one site. */
  | { readonly do: "scale"; readonly site: string; readonly service: string; readonly replicas: number }
  /** Requests per second from a site's clients to a service; 0 ends it; at most 500. */
  | { readonly do: "load"; readonly site: string; readonly service: string; readonly rps: number };

export type { FlowRecord, RouterEvent, ServiceExplanation };

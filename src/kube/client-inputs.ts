import type { KubeObject } from "#api/object.ts";
import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";

/** On every call: `signal` gives up (its reason is thrown), `timeoutMs` replaces the client's bound [15,000]. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Names one object. `namespace` is required for namespaced resources and ignored for others. */
export interface ObjectRef extends CallOptions {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface Selection extends CallOptions {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListResult<T extends KubeObject = KubeObject> {
  readonly items: T[];
  /** Where a watch of the same selection goes on. */
  readonly resourceVersion: string;
}

export interface WatchInput {
  readonly namespace?: string | undefined;
  readonly resourceVersion: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Ends the watch, quietly. */
  readonly signal: AbortSignal;
  /** The server ends the watch after this; [240..480, random]. */
  readonly timeoutSeconds?: number;
  /** Called once, when the server has accepted the watch. */
  readonly onOpen?: () => void;
  /** Longest silence before the watch is given up with TIMEOUT, ms [75,000; bookmarks come each minute]. */
  readonly idleMs?: number;
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: string;
}

export interface PatchInput extends ObjectRef {
  readonly type: "merge" | "json";
  /** A merge patch object (RFC 7396) or a list of operations (RFC 6902). */
  readonly body: unknown;
  readonly subresource?: string;
}

export interface ApplyOptions extends WriteOptions {
  /** [isthmus] */
  readonly fieldManager?: string;
  /** Takes fields over from other managers [true]. */
  readonly force?: boolean;
}

export interface DeleteInput extends ObjectRef {
  readonly propagation?: "Foreground" | "Background" | "Orphan";
  /** 0 ends a pod at once. */
  readonly gracePeriodSeconds?: number;
  /** Only the object with this uid or resource version; CONFLICT otherwise. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface LogInput {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly signal?: AbortSignal;
}

export interface PodRequest extends CallOptions {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Path on the pod, with its query. */
  readonly path: string;
}

export interface ServerVersion {
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

export interface KubeClientOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Bound of one request, ms [15,000]. */
  readonly timeoutMs?: number;
  /** Called for each request with its verb and what became of it: the status, or undefined when no answer came. For metrics. */
  readonly onRequest?: (verb: string, status: number | undefined) => void;
}

import type { ObjectMeta as ApiMeta } from "#api/object.ts";

/**
 * The face of the API server towards the half that runs in the same process: controllers, kubelet, services.
 * Everything here is synchronous: when a call returns, the change is committed.
 */

export interface ManagedFields {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time: string;
  fieldsType: "FieldsV1";
  fieldsV1: Record<string, unknown>;
  subresource?: string;
}

/** As `#api/object.ts` has it, with what only the server looks at. In cluster scope `namespace` may be "" too. */
export interface ObjectMeta extends ApiMeta {
  managedFields?: ManagedFields[];
}

/** Any object of the API. What `ClusterApi` returns is frozen and shared: never mutate it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** An object that may leave its name to the server (`generateName`). */
export interface NewObject {
  apiVersion: string;
  kind: string;
  metadata: Partial<ObjectMeta>;
  [field: string]: unknown;
}

export interface StatusCause {
  reason: string;
  message: string;
  field: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** What the API answers instead of an object: HTTP status, reason as metav1.StatusReason, message. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(status: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
    this.details = details;
  }
}

export type EventType = "ADDED" | "MODIFIED" | "DELETED";
export type Propagation = "Background" | "Foreground" | "Orphan";
/** Answers the changed draft, or undefined to leave the object as it is. */
export type Mutator = (draft: KubeObject) => KubeObject | undefined;
/** Called once per change, in the order of the changes. */
export type WatchListener = (type: EventType, object: KubeObject) => void;

/**
 * `resource` is "pods", "deployments.apps", "endpointslices.discovery.k8s.io"; `namespace` is "" in cluster scope.
 * Same validation, defaulting, admission and watch events as over HTTP; refusals are thrown as `ApiError`.
 */
export interface ClusterApi {
  get(resource: string, namespace: string, name: string): KubeObject | undefined;
  list(resource: string, options?: { namespace?: string; labels?: Record<string, string> }): KubeObject[];
  create(resource: string, object: NewObject): KubeObject;
  /**
   * Read, change, write, with nobody in between. `fn` gets a draft of its own; when it answers undefined, or nothing
   * differs, nothing is written and no event is sent. Answers what is stored now; undefined when the object is absent.
   */
  mutate(
    resource: string,
    namespace: string,
    name: string,
    fn: Mutator,
    options?: { subresource?: "status" },
  ): KubeObject | undefined;
  /**
   * Honours finalizers. A pod that is bound to a node gets a deletionTimestamp first unless `graceSeconds` is 0 (the
   * kubelet calls with 0 when the processes are gone). An absent object is no error.
   */
  delete(
    resource: string,
    namespace: string,
    name: string,
    options?: { propagation?: Propagation; graceSeconds?: number; uid?: string },
  ): void;
  /**
   * Existing objects first as ADDED (before this returns), then each change synchronously after its commit. A change
   * made inside a listener is delivered after the present one reached every listener: never nested, always in order.
   * The returned function stops it.
   */
  watch(resource: string, fn: WatchListener): () => void;
}

export interface LogOptions {
  container?: string;
  follow: boolean;
  tailLines?: number;
  previous?: boolean;
  sinceSeconds?: number;
  timestamps?: boolean;
}

export interface ExecOptions {
  container?: string;
  command: readonly string[];
  stdin: boolean;
  /** A terminal of its own: what it writes comes on `output` alone. */
  tty: boolean;
  /** Called with what the process writes; it is not read from while the promise is pending (a terminal goes on). */
  output(from: "stdout" | "stderr", bytes: Uint8Array): void | Promise<void>;
}

/** A command that runs beside a container. */
export interface ExecProcess {
  /** Its exit code, 128 + signal when a signal ended it; everything that it wrote went to `output` before. */
  readonly exited: Promise<number>;
  /** Bytes for its standard input that it did not take yet. */
  readonly waitingBytes: number;
  write(bytes: Uint8Array): void;
  endInput(): void;
  resize(columns: number, rows: number): void;
  /** Ends it and all of its process group at once. */
  kill(): void;
}

/** What the API server asks of the node half. */
export interface NodeApi {
  logs(namespace: string, pod: string, options: LogOptions): ReadableStream<Uint8Array> | ApiError;
  /** Why `exec` would refuse, before anything starts. */
  refusesExec(namespace: string, pod: string, container: string | undefined): ApiError | undefined;
  /** Starts a command in what a container sees: its files, environment and working directory. It ends with the container. */
  exec(namespace: string, pod: string, options: ExecOptions): ExecProcess | ApiError;
}

export interface UserInfo {
  name: string;
  groups: readonly string[];
  uid?: string;
}

export interface AdmissionRequest {
  /** As in `ClusterApi`: "services", "deployments.apps". */
  resource: string;
  operation: "create" | "update" | "delete";
  /** "status" or "scale" when the request is about that part only. */
  subresource?: string;
  namespace: string;
  /** Already resolved when the object came with `generateName`. */
  name: string;
  /** Defaulted by schema, not yet validated; yours to change. For "delete" the stored object (frozen). */
  object: KubeObject;
  /** The stored object on update; frozen. */
  old?: KubeObject;
  user: UserInfo;
  /** Nothing will be stored: allocate nothing for good. */
  dryRun: boolean;
  api: ClusterApi;
}

/**
 * Allocates and refuses what the API server itself does not know: cluster IPs, node ports, token Secrets. Hooks run
 * in order, on every create, update and delete, also those made through `ClusterApi`. Answers the object to go on
 * with (ignored for "delete"); throws `ApiError` to refuse.
 */
export interface AdmissionHook {
  admit(request: AdmissionRequest): KubeObject;
}

import type { KubeObject } from "#api/object.ts";
import { apiVersionOf, RESOURCES, type ResourceDef } from "#api/resources.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type {
  ApplyOptions,
  CallOptions,
  DeleteInput,
  KubeClientOptions,
  ListResult,
  LogInput,
  ObjectRef,
  PatchInput,
  PodRequest,
  Selection,
  ServerVersion,
  WatchInput,
  WriteOptions,
} from "./client-inputs.ts";
import type { Connection } from "./connection.ts";
import { GoneError, KubeError, type Attempt } from "./kube-error.ts";
import { resourceName, resourcePath } from "./resource-path.ts";
import { Transport, type RequestInput } from "./transport.ts";
import { watchEvents, type WatchEvent } from "./watch-events.ts";

export type * from "./client-inputs.ts";

/**
 * A client of one cluster. All failures are KubeError (an IsthmusError with `status` and `kubeReason`): UNREACHABLE,
 * TIMEOUT, UNTRUSTED, DENIED, NOT_FOUND, CONFLICT, ALREADY_EXISTS, INVALID (with `causes`), EXPIRED (410, GoneError).
 * Objects are returned with `apiVersion` and `kind` also where a server leaves them out (in lists).
 */
export interface KubeClient {
  readonly connection: Connection;
  /** Throws NOT_FOUND when there is none. */
  get<T extends KubeObject>(def: ResourceDef<T>, ref: ObjectRef): Promise<T>;
  /** Undefined when the object, or its namespace or resource type, does not exist. */
  find<T extends KubeObject>(def: ResourceDef<T>, ref: ObjectRef): Promise<T | undefined>;
  /** A consistent (quorum) list, read in pages of 500. */
  list<T extends KubeObject>(def: ResourceDef<T>, selection?: Selection): Promise<ListResult<T>>;
  create<T extends KubeObject>(def: ResourceDef<T>, object: NoInfer<T>, options?: CallOptions): Promise<T>;
  /** Replaces; CONFLICT when `metadata.resourceVersion` is given and no longer current. */
  update<T extends KubeObject>(def: ResourceDef<T>, object: NoInfer<T>, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(def: ResourceDef<T>, input: PatchInput): Promise<T>;
  /** Server-side apply: the object holds just the fields that `fieldManager` wants to own. */
  apply<T extends KubeObject>(def: ResourceDef<T>, object: KubeObject, options?: ApplyOptions): Promise<T>;
  /** False when there was nothing to delete. Finalizers may keep the object for a while. */
  delete(def: ResourceDef, input: DeleteInput): Promise<boolean>;
  /** Ends when the server ends it or on `signal`; throws GoneError when the resource version is too old. */
  watch<T extends KubeObject>(def: ResourceDef<T>, input: WatchInput): AsyncIterable<WatchEvent<T>>;
  /** Bytes as the container wrote them. With `follow` until the container ends or on `signal`. */
  logs(input: LogInput): AsyncIterable<Uint8Array>;
  /**
   * GET on a port of a pod, through the API server (needs `get` on `pods/proxy`); its answer is JSON. A refusal by the
   * pod itself is a KubeError with its `status` and without `kubeReason`.
   */
  askPod<T>(input: PodRequest): Promise<T>;
  /** The same for an answer that is no JSON; its bytes as they come, at most `timeoutMs` [15,000] apart. */
  askPodBytes(input: PodRequest): AsyncIterable<Uint8Array>;
  version(options?: CallOptions): Promise<ServerVersion>;
}

const PAGE = 500;
/** Longest silence of a followed log: quiet containers are normal, so only a dead server is noticed. */
const LOG_IDLE_MS = 4 * 3_600_000;

/** The client on Bun's fetch. */
class FetchKubeClient implements KubeClient {
  readonly connection: Connection;
  readonly #transport: Transport;
  readonly #random: Random;

  constructor(connection: Connection, options: KubeClientOptions = {}) {
    this.connection = connection;
    this.#transport = new Transport(connection, options);
    this.#random = options.random ?? systemRandom;
  }

  async get<T extends KubeObject>(def: ResourceDef<T>, ref: ObjectRef): Promise<T> {
    const input = this.#input(def, { verb: "get", method: "GET", target: ref, call: ref });
    return this.#typed(def, await this.#transport.json<T>(input));
  }

  async find<T extends KubeObject>(def: ResourceDef<T>, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.get<T>(def, ref);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(def: ResourceDef<T>, selection: Selection = {}): Promise<ListResult<T>> {
    try {
      return await this.#pages<T>(def, { selection, limit: PAGE });
    } catch (error) {
      // The continue token outlived its snapshot: one answer without pages is always consistent.
      if (error instanceof GoneError) return await this.#pages<T>(def, { selection, limit: undefined });
      throw error;
    }
  }

  async create<T extends KubeObject>(
    def: ResourceDef<T>,
    object: NoInfer<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const attempt: Attempt = {
      verb: "create",
      resource: resourceName(def),
      namespace: def.namespaced ? namespace : undefined,
      name,
    };
    if (def.namespaced && namespace === undefined) {
      throw new KubeError("INTERNAL", `No namespace given for ${attempt.resource} "${name ?? ""}"`);
    }
    const path = resourcePath(def, { namespace });
    const body = this.#typed(def, object);
    return this.#typed(
      def,
      await this.#transport.json<T>({ method: "POST", path, attempt, body, ...call(options) }),
    );
  }

  async update<T extends KubeObject>(
    def: ResourceDef<T>,
    object: NoInfer<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const target = { ...object.metadata, subresource: options.subresource };
    const input = this.#input(def, { verb: "update", method: "PUT", target, call: options });
    return this.#typed(def, await this.#transport.json<T>({ ...input, body: this.#typed(def, object) }));
  }

  async patch<T extends KubeObject>(def: ResourceDef<T>, patch: PatchInput): Promise<T> {
    const input = this.#input(def, { verb: "patch", method: "PATCH", target: patch, call: patch });
    const contentType =
      patch.type === "merge" ? "application/merge-patch+json" : "application/json-patch+json";
    return this.#typed(def, await this.#transport.json<T>({ ...input, contentType, body: patch.body }));
  }

  async apply<T extends KubeObject>(
    def: ResourceDef<T>,
    object: KubeObject,
    options: ApplyOptions = {},
  ): Promise<T> {
    const target = { ...object.metadata, subresource: options.subresource };
    const input = this.#input(def, { verb: "apply", method: "PATCH", target, call: options });
    const query = { fieldManager: options.fieldManager ?? "isthmus", force: options.force ?? true };
    // JSON is YAML, so the one media type that every version knows carries it.
    const contentType = "application/apply-patch+yaml";
    const body = this.#typed(def, object);
    return this.#typed(def, await this.#transport.json<T>({ ...input, query, contentType, body }));
  }

  async delete(def: ResourceDef, input: DeleteInput): Promise<boolean> {
    const { propagation, preconditions, gracePeriodSeconds } = input;
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
      ...(preconditions === undefined ? {} : { preconditions }),
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    };
    try {
      const request = this.#input(def, { verb: "delete", method: "DELETE", target: input, call: input });
      await this.#transport.json<unknown>({ ...request, body });
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false;
      throw error;
    }
  }

  watch<T extends KubeObject>(def: ResourceDef<T>, input: WatchInput): AsyncIterable<WatchEvent<T>> {
    const attempt = {
      verb: "watch",
      resource: resourceName(def),
      namespace: def.namespaced ? input.namespace : undefined,
    };
    const chunks = this.#transport.stream({
      method: "GET",
      path: resourcePath(def, { namespace: input.namespace }),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: input.resourceVersion,
        // Random, so that the watches of many processes do not all end at the same moment.
        timeoutSeconds: input.timeoutSeconds ?? 240 + this.#random.below(241),
        labelSelector: input.labelSelector,
        fieldSelector: input.fieldSelector,
      },
      attempt,
      signal: input.signal,
      onOpen: input.onOpen,
      idleMs: input.idleMs ?? 75_000,
    });
    return watchEvents<T>(chunks, { connection: this.connection, attempt });
  }

  logs(input: LogInput): AsyncIterable<Uint8Array> {
    const { namespace, pod, signal } = input;
    return this.#transport.stream({
      method: "GET",
      path: resourcePath(RESOURCES.pods, { namespace, name: pod, subresource: "log" }),
      query: {
        container: input.container,
        follow: input.follow,
        tailLines: input.tailLines,
        sinceSeconds: input.sinceSeconds,
        previous: input.previous,
        timestamps: input.timestamps,
      },
      attempt: { verb: "get", resource: "pods/log", namespace, name: pod },
      accept: "*/*",
      signal,
      idleMs: input.follow === true ? LOG_IDLE_MS : 15_000,
    });
  }

  askPod<T>(input: PodRequest): Promise<T> {
    return this.#transport.json<T>({ ...podRequest(input), ...call(input) });
  }

  askPodBytes(input: PodRequest): AsyncIterable<Uint8Array> {
    const { signal, timeoutMs = 15_000 } = input;
    return this.#transport.stream({ ...podRequest(input), accept: "*/*", signal, idleMs: timeoutMs });
  }

  version(options: CallOptions = {}): Promise<ServerVersion> {
    const attempt = { verb: "get", resource: "the server version" };
    return this.#transport.json<ServerVersion>({
      method: "GET",
      path: "/version",
      attempt,
      ...call(options),
    });
  }

  async #pages<T extends KubeObject>(
    def: ResourceDef<T>,
    options: { readonly selection: Selection; readonly limit: number | undefined },
  ): Promise<ListResult<T>> {
    const { selection, limit } = options;
    const target = { namespace: selection.namespace };
    const input = this.#input(def, { verb: "list", method: "GET", target, call: selection });
    const { labelSelector, fieldSelector } = selection;
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { limit, continue: next, labelSelector, fieldSelector };
      const page = await this.#transport.json<ListPage<T>>({ ...input, query });
      if (!Array.isArray(page.items) && page.items !== null && page.items !== undefined) {
        throw new KubeError(
          "PROTOCOL",
          `The answer for ${resourceName(def)} is not a list (${this.connection.origin})`,
          {
            source: "upstream",
          },
        );
      }
      for (const item of page.items ?? []) items.push(this.#typed(def, item));
      next = page.metadata?.continue;
      if (next === undefined || next === "") {
        return { items, resourceVersion: page.metadata?.resourceVersion ?? "" };
      }
    }
  }

  #input(
    def: ResourceDef,
    options: {
      readonly verb: string;
      readonly method: RequestInput["method"];
      readonly target: {
        readonly namespace?: string | undefined;
        readonly name?: string | undefined;
        readonly subresource?: string | undefined;
      };
      readonly call: CallOptions;
    },
  ): RequestInput {
    const { verb, method } = options;
    const { name, subresource } = options.target;
    const namespace = def.namespaced ? options.target.namespace : undefined;
    const resource = subresource === undefined ? resourceName(def) : `${resourceName(def)}/${subresource}`;
    const attempt: Attempt = { verb, resource, namespace, name };
    if (verb !== "list" && name === undefined)
      throw new KubeError("INTERNAL", `No name given to ${verb} one of ${resource}`);
    return {
      method,
      path: resourcePath(def, { namespace, name, subresource }),
      attempt,
      ...call(options.call),
    };
  }

  #typed<T extends KubeObject>(def: ResourceDef, object: T): T {
    if (object.apiVersion !== undefined && object.kind !== undefined) return object;
    return { ...object, apiVersion: apiVersionOf(def), kind: def.kind };
  }
}

interface ListPage<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

function podRequest({
  namespace,
  pod,
  port,
  path,
}: PodRequest): Pick<RequestInput, "method" | "path" | "attempt"> {
  const place = resourcePath(RESOURCES.pods, { namespace, name: `${pod}:${port}`, subresource: "proxy" });
  const attempt = { verb: "get", resource: "pods/proxy", namespace, name: pod };
  return { method: "GET", path: place + path, attempt };
}

function call(options: CallOptions): CallOptions {
  return { signal: options.signal, timeoutMs: options.timeoutMs };
}

/**
 * `new KubeClient(connection)`. The type of that name is the interface above and not the class, so that tests and
 * callers can put anything else that keeps its promises in its place.
 */
export const KubeClient: new (connection: Connection, options?: KubeClientOptions) => KubeClient =
  FetchKubeClient;

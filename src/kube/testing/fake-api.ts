import type { KubeObject, ObjectMeta } from "#api/object.ts";
import type { Connection } from "../connection.ts";
import { TEST_CERTIFICATES, type TestCertificates } from "./test-certificates.ts";

/** What the fake was asked, for assertions. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
}

type Stored = KubeObject & Record<string, unknown>;
/** Answers instead of the fake, or lets it pass with undefined. */
type Interceptor = (request: SeenRequest) => Response | Promise<Response> | undefined;

interface Watcher {
  readonly collection: string;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

interface LoggedEvent {
  readonly collection: string;
  readonly version: number;
  readonly line: string;
}

const encoder = new TextEncoder();

/**
 * A small Kubernetes API on TLS and loopback for tests: objects of any kind below their collection's path, list with
 * pages, watch with bookmarks and 410, merge patches and apply (as merge), status; and every way to misbehave, through
 * `intercept` and `pushRaw`. One namespace is one collection: there is no list over all of them.
 */
export class FakeApi {
  readonly requests: SeenRequest[] = [];
  readonly tls: TestCertificates;
  readonly #server: Bun.Server<undefined>;
  readonly #collections = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Set<Watcher>();
  readonly #interceptors: Interceptor[] = [];
  #log: LoggedEvent[] = [];
  #version = 100;
  #oldest = 0;

  constructor(options: { readonly port?: number; readonly tls?: TestCertificates } = {}) {
    const { port = 0, tls = TEST_CERTIFICATES } = options;
    this.tls = tls;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 0,
      tls: { cert: tls.certificate, key: tls.key },
      fetch: (request) => this.#answer(request),
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get connection(): Connection {
    return {
      origin: 'context "test"',
      context: "test",
      server: `https://127.0.0.1:${this.port}`,
      namespace: "default",
      tls: { ca: this.tls.ca },
      authorization: () => "Bearer secret",
    };
  }

  get watching(): number {
    return this.#watchers.size;
  }

  get version(): string {
    return String(this.#version);
  }

  async stop(): Promise<void> {
    this.closeWatches();
    await this.#server.stop(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The next request that `interceptor` answers is not seen by the fake; `times` of them [1]. */
  intercept(interceptor: Interceptor, times = 1): void {
    let left = times;
    const once: Interceptor = (request) => {
      const answer = interceptor(request);
      if (answer !== undefined && --left === 0)
        this.#interceptors.splice(this.#interceptors.indexOf(once), 1);
      return answer;
    };
    this.#interceptors.push(once);
  }

  /** Stores an object as any client could, and tells the watchers. */
  put(
    collection: string,
    object: { readonly metadata: ObjectMeta } & Readonly<Record<string, unknown>>,
  ): Stored {
    const objects = this.#objects(collection);
    const old = objects.get(object.metadata.name);
    const metadata = {
      uid: old?.metadata.uid ?? crypto.randomUUID(),
      ...object.metadata,
      resourceVersion: String(++this.#version),
    };
    const stored: Stored = { apiVersion: "v1", kind: "Thing", ...object, metadata };
    objects.set(metadata.name, stored);
    this.#tell(collection, { type: old === undefined ? "ADDED" : "MODIFIED", object: stored });
    return stored;
  }

  remove(collection: string, name: string): boolean {
    const objects = this.#objects(collection);
    const old = objects.get(name);
    if (old === undefined) return false;
    objects.delete(name);
    const metadata = { ...old.metadata, resourceVersion: String(++this.#version) };
    this.#tell(collection, { type: "DELETED", object: { ...old, metadata } });
    return true;
  }

  read(collection: string, name: string): Stored | undefined {
    return this.#objects(collection).get(name);
  }

  all(collection: string): Stored[] {
    return [...this.#objects(collection).values()];
  }

  /** Forgets the events so far, as etcd's compaction does: older watches get 410. */
  compact(): void {
    this.#log = [];
    this.#oldest = this.#version;
  }

  closeWatches(): void {
    for (const watcher of this.#watchers) watcher.controller.close();
    this.#watchers.clear();
  }

  /** Any bytes to all watchers. */
  pushRaw(text: string): void {
    for (const { controller } of this.#watchers) controller.enqueue(encoder.encode(text));
  }

  #objects(collection: string): Map<string, Stored> {
    let objects = this.#collections.get(collection);
    if (objects === undefined) this.#collections.set(collection, (objects = new Map()));
    return objects;
  }

  #tell(collection: string, event: { readonly type: string; readonly object: Stored }): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#log.push({ collection, version: this.#version, line });
    for (const watcher of this.#watchers) {
      if (watcher.collection === collection) watcher.controller.enqueue(encoder.encode(line));
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const seen: SeenRequest = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: await request.text(),
    };
    this.requests.push(seen);
    for (const interceptor of this.#interceptors) {
      const answer = interceptor(seen);
      if (answer !== undefined) return await answer;
    }
    if (seen.headers.get("authorization") !== "Bearer secret")
      return failure(401, "Unauthorized", "Unauthorized");
    if (seen.query.get("watch") === "true") return this.#watch(seen, request.signal);
    return this.#rest(seen);
  }

  #watch(seen: SeenRequest, signal: AbortSignal): Response {
    const from = Number(seen.query.get("resourceVersion"));
    if (from < this.#oldest) return failure(410, "Expired", "too old resource version");
    const collection = seen.path;
    let watcher: Watcher | undefined;
    const end = (): void => {
      if (watcher !== undefined) this.#watchers.delete(watcher);
    };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        // Bun sends the head of an answer with its first byte.
        controller.enqueue(encoder.encode("\n"));
        for (const event of this.#log) {
          if (event.collection === collection && event.version > from)
            controller.enqueue(encoder.encode(event.line));
        }
        watcher = { collection, controller };
        this.#watchers.add(watcher);
      },
      cancel: end,
    });
    signal.addEventListener("abort", end);
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  #rest(seen: SeenRequest): Response {
    const { collection, name, subresource } = placeOf(seen.path);
    const objects = this.#objects(collection);
    if (name === undefined) {
      if (seen.method === "GET") return this.#list(objects, seen.query);
      const object: Stored = JSON.parse(seen.body);
      if (objects.has(object.metadata.name)) return failure(409, "AlreadyExists", "it exists");
      return Response.json(this.put(collection, object), { status: 201 });
    }
    const old = objects.get(name);
    if (seen.method === "PATCH" && seen.headers.get("content-type") === "application/apply-patch+yaml") {
      const object: Stored = JSON.parse(seen.body);
      return Response.json(this.put(collection, old === undefined ? object : merge(old, object)));
    }
    if (old === undefined) return failure(404, "NotFound", `"${name}" not found`);
    if (seen.method === "GET") return Response.json(old);
    if (seen.method === "DELETE") {
      this.remove(collection, name);
      return Response.json({ kind: "Status", status: "Success" });
    }
    const object: Stored = JSON.parse(seen.body);
    const expected = object.metadata?.resourceVersion;
    if (expected !== undefined && expected !== old.metadata.resourceVersion) {
      return failure(409, "Conflict", "the object has been modified");
    }
    if (seen.method === "PATCH") return Response.json(this.put(collection, merge(old, object)));
    const next =
      subresource === "status" ? { ...old, status: object.status } : { ...object, status: old.status };
    return Response.json(this.put(collection, next));
  }

  #list(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): Response {
    const limit = Number(query.get("limit") ?? Number.MAX_SAFE_INTEGER);
    const start = Number(query.get("continue") ?? 0);
    // As real servers do, items of a list go without apiVersion and kind.
    const items = [...objects.values()]
      .slice(start, start + limit)
      .map((item) => ({ ...item, apiVersion: undefined, kind: undefined }));
    const more = start + items.length < objects.size;
    const metadata = {
      resourceVersion: this.version,
      ...(more ? { continue: String(start + items.length) } : {}),
    };
    return Response.json({ kind: "List", metadata, items });
  }
}

/** A Status answer, as an API server gives it. */
export function failure(code: number, reason: string, message: string): Response {
  return Response.json({ kind: "Status", code, reason, message }, { status: code });
}

function placeOf(path: string): {
  collection: string;
  name: string | undefined;
  subresource: string | undefined;
} {
  const parts = path.split("/");
  const root = parts[1] === "api" ? 3 : 4;
  const length = root + (parts[root] === "namespaces" && parts.length > root + 2 ? 3 : 1);
  return {
    collection: parts.slice(0, length).join("/"),
    name: parts[length],
    subresource: parts[length + 1],
  };
}

/** RFC 7396. */
function merge<T>(target: T, patch: unknown): T;
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

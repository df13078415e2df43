import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServerCertificate } from "#pki/tls-server.ts";
import { type AdmissionHook, ApiError, type KubeObject, type NodeApi } from "./cluster-api.ts";
import { type ApiServer, startApiServer } from "./server.ts";

export const ADMIN = "admin-token";
export const JOE = "joe-token";

const LINES: NodeApi = {
  logs(namespace, pod, options) {
    if (pod === "broken") return new ApiError(400, "BadRequest", "container is waiting to start");
    return new Response(`${namespace}/${pod} ${options.container ?? ""} tail=${options.tailLines ?? "all"}\n`)
      .body as ReadableStream<Uint8Array>;
  },
  exec: () => new ApiError(500, "InternalError", "there is no node here"),
  refusesExec: () => undefined,
};

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly url: string;
  readonly ca: string;
  readonly dir: string;
  /** Sends with the admin's token; `path` from the root. */
  fetch(path: string, init?: RequestInit & { token?: string }): Promise<Response>;
  /** Sends and reads JSON. */
  json(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<KubeObject & { code?: number }>;
  /** Stops and starts again on the same database. */
  restart(): Promise<void>;
}

const certificate = createServerCertificate({ hosts: ["127.0.0.1"], now: Date.now() });

/** A server of its own on loopback with a database in a temporary directory, gone with `await using`. */
export async function testServer(
  options: { admission?: AdmissionHook[]; keptRevisions?: number; node?: Partial<NodeApi> } = {},
): Promise<TestServer> {
  const tls = await certificate;
  const dir = mkdtempSync(join(tmpdir(), "isthmus-apiserver-"));
  writeFileSync(join(dir, "ca.crt"), tls.ca);
  const start = (): ApiServer =>
    startApiServer({
      hostname: "127.0.0.1",
      port: 0,
      tls,
      store: join(dir, "state.db"),
      tokens: {
        [ADMIN]: { name: "admin", groups: ["system:masters"] },
        [JOE]: { name: "joe", groups: ["developers"] },
      },
      node: { ...LINES, ...options.node },
      admission: options.admission ?? [],
      keptRevisions: options.keptRevisions ?? 10_000,
    });
  let server = start();
  const call: TestServer["fetch"] = (path, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${init.token ?? ADMIN}`);
    return fetch(`https://127.0.0.1:${server.port}${path}`, { ...init, headers, tls: { ca: tls.ca } });
  };
  return {
    get server() {
      return server;
    },
    get url() {
      return `https://127.0.0.1:${server.port}`;
    },
    ca: tls.ca,
    dir,
    fetch: call,
    async json(method, path, body, contentType = "application/json") {
      const response = await call(path, {
        method,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        headers: { "content-type": contentType },
      });
      return (await response.json()) as KubeObject & { code?: number };
    },
    async restart() {
      await server.close();
      server = start();
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Lines of a watch response as they come. */
export async function* watchLines(
  response: Response,
): AsyncGenerator<{ type: string; object: KubeObject & { code?: number } }> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") continue;
      yield JSON.parse(line) as { type: string; object: KubeObject & { code?: number } };
    }
  }
}

/** The next event of a watch; fails when it ends. */
export async function nextEvent<T>(events: AsyncGenerator<T>): Promise<T> {
  const result = await events.next();
  if (result.done === true) throw new Error("the watch ended");
  return result.value;
}

import { ApiError, type KubeObject } from "../cluster-api.ts";
import { badRequest, methodNotAllowed, notFound } from "../errors.ts";
import type { Call, ServerContext } from "./context.ts";
import type { ResourcePath } from "./path.ts";

/** How long a pod may take to begin its answer. */
const HEAD_MS = 30_000;
/** Largest body that is passed on; a longer one is cut, and its connection broken so that nobody takes it for whole. */
export const PROXY_LIMIT_BYTES = 64 * 1024 * 1024;

/** Hop-by-hop fields (RFC 9110 section 7.6.1), and what belongs between client and API server only. */
const NOT_PASSED_ON = new Set([
  "authorization",
  "connection",
  "cookie",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export interface ProxyPath extends ResourcePath {
  /** Path for the pod, escaped as it came; begins with a slash. */
  readonly rest: string;
}

interface PodShape {
  readonly spec?: {
    readonly containers?: readonly { readonly ports?: readonly { readonly containerPort?: number }[] }[];
  };
  readonly status?: { readonly podIP?: string };
}

/** Reads `/api/v1/namespaces/NS/pods/NAME[:PORT]/proxy[/PATH]`; undefined for anything else, or bad escapes. */
export function parseProxyPath(path: string): ProxyPath | undefined {
  const [, ns = "", pod = "", rest = "/"] =
    /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/proxy(\/.*)?$/.exec(path) ?? [];
  if (pod === "") return undefined;
  try {
    const [namespace, name] = [decodeURIComponent(ns), decodeURIComponent(pod)];
    return { group: "", version: "v1", namespace, resource: "pods", name, subresource: "proxy", rest };
  } catch {
    return undefined;
  }
}

/**
 * The subresource `proxy` of a pod: GET and HEAD are sent to its port (default: the first that a container names), and
 * the answer comes back as a stream. A pod that cannot be reached is 503, one that breaks off before its answer 502,
 * both as a Status.
 */
export async function proxyToPod(
  context: ServerContext,
  call: Call,
  { namespace, name: place, rest }: ProxyPath,
): Promise<Response> {
  const { method, request, query } = call;
  if (method !== "GET" && method !== "HEAD") throw methodNotAllowed();
  if (request.headers.has("upgrade"))
    throw badRequest("the sandbox's pods/proxy does not upgrade connections");
  const { name, port } = placeOf(place);
  const pods = { group: "", resource: "pods" };
  const pod = context.api.get("pods", namespace, name);
  if (pod === undefined) throw notFound(pods, name);
  const authority = addressOf(pod, port);
  const search = query.size === 0 ? "" : new URL(request.url).search;
  const response = await ask(`http://${authority}${rest}${search}`, request);
  const headers = passedOn(response.headers);
  const location = headers.get("location");
  // What is absolute on the pod is under the proxy here.
  if (location?.startsWith("/") === true && !location.startsWith("//")) {
    const prefix = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(place)}/proxy`;
    headers.set("location", prefix + location);
  }
  const body = response.body === null || method === "HEAD" ? null : response.body.pipeThrough(bounded());
  return new Response(body, { status: response.status, headers });
}

/** `NAME`, `NAME:PORT` or `http:NAME:PORT`, as Kubernetes writes it. */
function placeOf(text: string): { name: string; port: number | undefined } {
  const parts = text.split(":");
  const [scheme, name = "", port = ""] = parts.length === 3 ? parts : ["http", ...parts];
  if (scheme !== "http" && scheme !== "") {
    throw badRequest(`the sandbox's pods/proxy speaks http only, not "${scheme ?? ""}"`);
  }
  const number = port === "" ? undefined : Number(port);
  const good = number === undefined || (/^\d+$/.test(port) && number >= 1 && number <= 65_535);
  if (name === "" || parts.length > 3 || !good) throw badRequest(`invalid pod request "${text}"`);
  return { name, port: number };
}

function addressOf(pod: KubeObject, port: number | undefined): string {
  const { spec, status } = pod as PodShape;
  const host = status?.podIP ?? "";
  if (host === "") throw unreachable(`pod "${pod.metadata.name}" has no address yet`);
  const first = spec?.containers?.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  return `${host.includes(":") ? `[${host}]` : host}:${port ?? first ?? 80}`;
}

async function ask(url: string, request: Request): Promise<Response> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), HEAD_MS);
  const init: BunFetchRequestInit = {
    method: request.method,
    headers: passedOn(request.headers),
    redirect: "manual",
    signal: AbortSignal.any([request.signal, slow.signal]),
    // The address may be another pod's tomorrow.
    keepalive: false,
    decompress: false,
  };
  try {
    // Never through HTTP_PROXY: the pod is on this machine. The server's idle timeout bounds silence.
    return await fetch(url, Object.assign(init, { proxy: false, timeout: false }));
  } catch (error) {
    const { host } = new URL(url);
    if (slow.signal.aborted) throw unreachable(`${host} did not begin to answer within ${HEAD_MS / 1000} s`);
    const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
    if (code === "ECONNREFUSED") throw unreachable(`dial tcp ${host}: connect: connection refused`);
    throw new ApiError(
      502,
      "BadGateway",
      `error trying to reach service: ${host} broke off before its answer`,
    );
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(why: string): ApiError {
  return new ApiError(503, "ServiceUnavailable", `error trying to reach service: ${why}`);
}

function passedOn(from: Headers): Headers {
  const named = (from.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  return new Headers([...from].filter(([name]) => !NOT_PASSED_ON.has(name) && !named.includes(name)));
}

function bounded(): TransformStream<Uint8Array, Uint8Array> {
  let left = PROXY_LIMIT_BYTES;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) controller.error(new Error("the answer of the pod is too long"));
      else controller.enqueue(chunk);
    },
  });
}

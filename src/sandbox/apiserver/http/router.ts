import type { Attributes, Authorizer } from "../auth/authorizer.ts";
import { ApiError, type UserInfo } from "../cluster-api.ts";
import { forbidden, noSuchPath } from "../errors.ts";
import { json, text } from "./answer.ts";
import type { Call, ClientConnection, ServerContext } from "./context.ts";
import { discovery } from "./discovery.ts";
import { execInPod } from "./exec.ts";
import type { OpenApi } from "./openapi.ts";
import { parseResourcePath, type ResourcePath } from "./path.ts";
import { parseProxyPath, proxyToPod } from "./pod-proxy.ts";
import { ResourceRequest } from "./resource-requests.ts";
import { nameInFieldSelector } from "../selectors.ts";
import { answerReview, REVIEWS } from "./reviews.ts";

/** Open to callers without a token, as in Kubernetes (system:public-info-viewer). */
const PUBLIC = new Set(["/healthz", "/livez", "/readyz", "/version"]);

const VERSION = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.0+isthmus",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "bun",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};

/** From a request to its answer: who is it, may he, which handler. */
export class Router {
  readonly #context: ServerContext;
  readonly #openApi: OpenApi;
  readonly #authorizer: Authorizer;

  constructor(context: ServerContext, parts: { openApi: OpenApi; authorizer: Authorizer }) {
    this.#context = context;
    this.#openApi = parts.openApi;
    this.#authorizer = parts.authorizer;
  }

  /** Undefined: the connection was upgraded, and there is nothing more to answer. */
  async answer(request: Request, connection: ClientConnection): Promise<Response | undefined> {
    const url = new URL(request.url);
    const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, "") : "/";
    if (PUBLIC.has(path)) return path === "/version" ? json(VERSION) : text("ok");
    const user = this.#authenticate(request);
    const call: Call = {
      request,
      method: request.method,
      path,
      query: url.searchParams,
      user,
      keepOpen: () => connection.setIdle(0),
      limitIdle: (seconds) => connection.setIdle(seconds),
      upgrade: (session, protocol) => connection.upgrade(session, protocol),
    };
    const proxied = parseProxyPath(url.pathname);
    if (proxied !== undefined) {
      this.#authorize(call, proxied);
      return proxyToPod(this.#context, call, proxied);
    }
    const target = parseResourcePath(path);
    if (target !== undefined && target.resource !== "") return this.#resource(call, target);
    if (
      !this.#authorizer.allowsPath(
        user,
        request.method === "HEAD" ? "get" : request.method.toLowerCase(),
        path,
      )
    ) {
      throw new ApiError(403, "Forbidden", `forbidden: User "${user.name}" cannot get path "${path}"`);
    }
    const accept = request.headers.get("accept");
    if (path === "/api" || path === "/apis" || /^\/apis?\//.test(path)) {
      return discovery(this.#context.registry, path, accept);
    }
    if (path.startsWith("/openapi/")) return this.#openApi.answer(path, accept);
    if (path === "/")
      return json({ paths: ["/api", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"] });
    throw noSuchPath();
  }

  #authenticate(request: Request): UserInfo {
    const header = request.headers.get("authorization") ?? "";
    const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
    const user = token === undefined ? undefined : this.#context.tokens.authenticate(token);
    if (user === undefined) throw new ApiError(401, "Unauthorized", "Unauthorized");
    return user;
  }

  async #resource(call: Call, path: ResourcePath): Promise<Response | undefined> {
    const review = REVIEWS.find(
      ({ group, version, resource }) =>
        group === path.group && version === path.version && resource === path.resource,
    );
    const resource = this.#context.registry.find(path.group, path.version, path.resource);
    if (review === undefined && resource === undefined) throw noSuchPath();
    // The namespace of a namespace is itself: a Role in it may give access to it.
    const own = resource?.kind === "Namespace" && path.group === "" ? path.name : "";
    this.#authorize(call, { ...path, namespace: path.namespace || own });
    if (review !== undefined) return answerReview(review, call, this.#authorizer);
    if (resource === undefined) throw noSuchPath();
    if (resource.kind === "Pod" && path.group === "" && path.subresource === "exec")
      return execInPod(this.#context, call, path);
    return new ResourceRequest(this.#context, call, { path, resource }).answer();
  }

  #authorize(call: Call, path: ResourcePath): void {
    const verb = verbOf(call, path);
    // As in Kubernetes: who may list or watch only certain names may do so with a selector of exactly one of them.
    const one = verb === "list" || verb === "watch" ? call.query.get("fieldSelector") : null;
    const name = path.name === "" && one !== null ? nameInFieldSelector(one) : path.name;
    const wanted: Attributes = { ...path, verb, name };
    if (this.#authorizer.allows(call.user, wanted)) return;
    const part = path.subresource === "" ? path.resource : `${path.resource}/${path.subresource}`;
    const where = path.namespace === "" ? "at the cluster scope" : `in the namespace "${path.namespace}"`;
    const why = `User "${call.user.name}" cannot ${wanted.verb} resource "${part}" in API group "${path.group}" ${where}`;
    throw forbidden({ group: path.group, resource: path.resource }, path.name, why);
  }
}

/** The verb of RBAC for a request. */
function verbOf(call: Call, path: ResourcePath): string {
  switch (call.method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return path.name === "" ? "deletecollection" : "delete";
    default: {
      // Its query is the pod's.
      if (path.subresource === "proxy") return "get";
      const watch = call.query.get("watch");
      if (watch === "true" || watch === "1") return "watch";
      return path.name === "" ? "list" : "get";
    }
  }
}

import {
  ApiError,
  type KubeObject,
  type LogOptions,
  type NewObject,
  type Propagation,
} from "../cluster-api.ts";
import { badRequest, deletedStatus, methodNotAllowed, noSuchPath, notFound } from "../errors.ts";
import type { DeleteOptions, WriteOptions } from "../objects/objects.ts";
import { patchObject, type PatchType } from "../patch/patch.ts";
import { apiVersionOf, type Resource, versionNamed } from "../resources.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";
import { json, refusal } from "./answer.ts";
import { readBody, readObject } from "./body.ts";
import type { Call, ServerContext } from "./context.ts";
import { Forms } from "./forms.ts";
import { page, select, selectorFrom } from "./list.ts";
import type { ResourcePath } from "./path.ts";
import { readScale, writeScale } from "./scale.ts";
import { requestToken } from "./token-request.ts";
import { watch } from "./watch.ts";

const PATCH_TYPES: Readonly<Record<string, PatchType | "apply">> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

const PROPAGATIONS: readonly Propagation[] = ["Background", "Foreground", "Orphan"];
const CLUSTER_WIDE_DELETE = "the server does not allow this method on the requested resource";

/** One request about a resource: the verbs of the API on collections, objects and subresources. */
export class ResourceRequest {
  readonly #context: ServerContext;
  readonly #call: Call;
  readonly #path: ResourcePath;
  readonly #resource: Resource;
  readonly #warnings: string[] = [];

  constructor(context: ServerContext, call: Call, target: { path: ResourcePath; resource: Resource }) {
    this.#context = context;
    this.#call = call;
    this.#path = target.path;
    this.#resource = target.resource;
  }

  async answer(): Promise<Response> {
    const { deprecation } = versionNamed(this.#resource, this.#path.version);
    if (deprecation !== undefined) this.#warnings.push(deprecation);
    const response = await this.#dispatch();
    for (const warning of this.#warnings) {
      response.headers.append("warning", `299 - ${JSON.stringify(warning)}`);
    }
    return response;
  }

  #dispatch(): Response | Promise<Response> {
    const { name, subresource, namespace } = this.#path;
    if (name === "") return this.#collection();
    if (this.#resource.namespaced && namespace === "") throw noSuchPath();
    switch (subresource) {
      case "":
        return this.#object();
      case "status":
        if (!this.#resource.hasStatus) throw noSuchPath();
        return this.#object();
      case "scale":
        if (this.#resource.scale === undefined) throw noSuchPath();
        return this.#scale();
      case "log":
        if (this.#key() !== "pods") throw noSuchPath();
        return this.#logs();
      case "token":
        if (this.#key() !== "serviceaccounts") throw noSuchPath();
        return requestToken(this.#context, this.#call, { namespace, name });
      default:
        throw noSuchPath();
    }
  }

  #key(): string {
    return this.#resource.custom ? "" : this.#resource.resource;
  }

  #collection(): Response | Promise<Response> {
    const { method, query } = this.#call;
    const scope = { resource: this.#resource, namespace: this.#path.namespace };
    if (method === "GET" || method === "HEAD") {
      const named = /^metadata\.name=([^,]+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
      const narrowed = named === undefined ? scope : { ...scope, name: named };
      if (isWatch(query)) return watch(this.#context, this.#call, { scope: narrowed, forms: this.#forms() });
      const { items, metadata } = page(this.#context.objects.store, narrowed, query);
      return this.#forms().list(items, { ...metadata });
    }
    if (this.#resource.namespaced && this.#path.namespace === "") {
      throw new ApiError(405, "MethodNotAllowed", CLUSTER_WIDE_DELETE);
    }
    if (method === "POST") return this.#create();
    if (method === "DELETE") return this.#deleteCollection();
    throw methodNotAllowed();
  }

  #object(): Response | Promise<Response> {
    const { method, query } = this.#call;
    const { namespace, name, subresource } = this.#path;
    switch (method) {
      case "GET":
      case "HEAD":
        if (isWatch(query)) {
          const scope = { resource: this.#resource, namespace, name };
          return watch(this.#context, this.#call, { scope, forms: this.#forms() });
        }
        return this.#forms().one(this.#context.objects.get(this.#resource, namespace, name));
      case "PUT":
        return this.#replace();
      case "PATCH":
        return this.#patch();
      case "DELETE":
        if (subresource !== "") throw methodNotAllowed();
        return this.#delete();
      default:
        throw methodNotAllowed();
    }
  }

  #forms(): Forms {
    return new Forms(this.#context, this.#call, { resource: this.#resource, version: this.#path.version });
  }

  #writeOptions(strictAs: "body" | "patch" = "body", patch?: unknown): WriteOptions {
    const { query, request, user } = this.#call;
    const validation = query.get("fieldValidation") ?? "Warn";
    const { kind, group } = this.#resource;
    const { version, subresource } = this.#path;
    return {
      manager: query.get("fieldManager") ?? defaultManager(request.headers.get("user-agent")),
      user,
      dryRun: query.getAll("dryRun").includes("All"),
      version,
      ...(subresource === "status" ? { subresource } : {}),
      unknown: (paths) => {
        const messages = paths.map((path) => `unknown field "${path}"`);
        if (validation === "Warn") this.#warnings.push(...messages);
        if (validation !== "Strict") return;
        const text = `strict decoding error: ${messages.join(", ")}`;
        if (strictAs === "body") {
          throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${text}`);
        }
        const message = `Invalid value: ${JSON.stringify(JSON.stringify(patch))}: ${text}`;
        throw new ApiError(422, "Invalid", `${kind}.${group} "" is invalid: patch: ${message}`, {
          group,
          kind,
          causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
        });
      },
    };
  }

  /** The body as an object of this resource, in the namespace and with the name of the path. */
  async #bodyObject(): Promise<NewObject> {
    const body = await readObject(this.#call.request);
    return this.#placed(body);
  }

  #placed(body: JsonObject): NewObject {
    const { group, version, namespace } = this.#path;
    const apiVersion = apiVersionOf(group, version);
    const { kind } = this.#resource;
    if ((body["apiVersion"] ?? apiVersion) !== apiVersion || (body["kind"] ?? kind) !== kind) {
      throw badRequest(
        `the object provided is unrecognized (must be ${apiVersion}, Kind=${kind}): ${String(body["apiVersion"])}, Kind=${String(body["kind"])}`,
      );
    }
    const metadata: JsonObject = isObject(body["metadata"]) ? body["metadata"] : {};
    if (this.#resource.namespaced) {
      const given = metadata["namespace"];
      if (typeof given === "string" && given !== "" && given !== namespace) {
        throw badRequest(
          `the namespace of the provided object does not match the namespace sent on the request`,
        );
      }
      metadata["namespace"] = namespace;
    }
    return { ...body, apiVersion, kind, metadata };
  }

  async #create(): Promise<Response> {
    const object = await this.#bodyObject();
    const created = this.#context.objects.create(this.#resource, object, this.#writeOptions());
    return this.#forms().one(created, 201);
  }

  async #replace(): Promise<Response> {
    const { name, namespace } = this.#path;
    const object = await this.#bodyObject();
    if (object.metadata.name !== undefined && object.metadata.name !== name) {
      throw badRequest(
        `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    const options = this.#writeOptions();
    const updated = this.#context.objects.update(
      this.#resource,
      { namespace, name },
      () => object as KubeObject,
      options,
    );
    return this.#forms().one(updated);
  }

  async #patch(): Promise<Response> {
    const { request, query } = this.#call;
    const { name, namespace, version } = this.#path;
    const contentType = request.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
    const type = PATCH_TYPES[contentType];
    if (type === undefined || (type === "strategic" && this.#resource.custom)) {
      const accepted = Object.keys(PATCH_TYPES).filter(
        (known) => !(this.#resource.custom && known.includes("strategic")),
      );
      const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
      throw new ApiError(415, "UnsupportedMediaType", message);
    }
    const patch = await readBody(request);
    if (type === "apply") return this.#apply(patch, query.get("force") === "true");
    const { schema } = versionNamed(this.#resource, version);
    const { definitions } = this.#resource;
    const updated = this.#context.objects.update(
      this.#resource,
      { namespace, name },
      (object) => patchObject(type, { object, patch, schema, definitions }),
      this.#writeOptions("patch", patch),
    );
    return this.#forms().one(updated);
  }

  #apply(patch: unknown, force: boolean): Response {
    const { name } = this.#path;
    if (!isObject(patch)) throw badRequest("The applied configuration must be an object");
    if (this.#call.query.get("fieldManager") === null) {
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    }
    const applied = this.#placed(patch) as KubeObject;
    applied.metadata.name ??= name;
    if (applied.metadata.name !== name) throw badRequest("metadata.name does not match the name on the URL");
    const { object, created } = this.#context.objects.apply(this.#resource, applied, {
      ...this.#writeOptions(),
      force,
    });
    return this.#forms().one(object, created ? 201 : 200);
  }

  async #deleteOptions(): Promise<DeleteOptions> {
    const { request, query, user } = this.#call;
    const body = await readBody(request);
    const sent: JsonObject = isObject(body) ? body : {};
    const preconditions = isObject(sent["preconditions"]) ? sent["preconditions"] : {};
    const propagation = sent["propagationPolicy"] ?? query.get("propagationPolicy") ?? undefined;
    const orphan = sent["orphanDependents"] === true ? "Orphan" : undefined;
    const grace = sent["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined;
    const dryRun = query.getAll("dryRun").includes("All") || Array.isArray(sent["dryRun"]);
    if (propagation !== undefined && !PROPAGATIONS.includes(propagation as Propagation)) {
      const supported = PROPAGATIONS.map((known) => `"${known}"`).join(", ");
      throw badRequest(
        `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(propagation)}: supported values: ${supported}`,
      );
    }
    const wanted = (propagation ?? orphan) as Propagation | undefined;
    return {
      user,
      dryRun,
      ...(wanted === undefined ? {} : { propagation: wanted }),
      ...(grace === undefined ? {} : { graceSeconds: Number(grace) }),
      ...(typeof preconditions["uid"] === "string" ? { uid: preconditions["uid"] } : {}),
      ...(typeof preconditions["resourceVersion"] === "string"
        ? { resourceVersion: preconditions["resourceVersion"] }
        : {}),
    };
  }

  async #delete(): Promise<Response> {
    const { namespace, name } = this.#path;
    const options = await this.#deleteOptions();
    const { object, removed } = this.#context.objects.delete(this.#resource, { namespace, name }, options);
    const answersObject = !removed || this.#key() === "pods";
    return answersObject ? this.#forms().one(object) : json(deletedStatus(this.#resource, object));
  }

  async #deleteCollection(): Promise<Response> {
    const { namespace } = this.#path;
    const options = await this.#deleteOptions();
    const scope = { resource: this.#resource, namespace };
    const { store } = this.#context.objects;
    const items = select(store, scope, selectorFrom(this.#call.query));
    for (const { metadata } of items) {
      const id = { namespace: metadata.namespace ?? "", name: metadata.name };
      if (this.#context.objects.find(this.#resource, id.namespace, id.name) === undefined) continue;
      this.#context.objects.delete(this.#resource, id, options);
    }
    return this.#forms().list(items, { resourceVersion: String(store.revision) });
  }

  async #scale(): Promise<Response> {
    const { namespace, name, version } = this.#path;
    const { method, request } = this.#call;
    const { objects } = this.#context;
    const current = objects.get(this.#resource, namespace, name);
    if (method === "GET") return json(readScale(this.#resource, current));
    if (method !== "PUT" && method !== "PATCH") throw methodNotAllowed();
    const body = await readBody(request);
    const contentType = request.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
    const type = method === "PUT" ? "put" : (PATCH_TYPES[contentType] ?? "merge");
    const updated = objects.update(
      this.#resource,
      { namespace, name },
      (draft) => writeScale(this.#resource, draft, { body, type }),
      { ...this.#writeOptions(), version },
    );
    return json(readScale(this.#resource, updated));
  }

  #logs(): Response {
    const { query } = this.#call;
    const { namespace, name } = this.#path;
    const pod = this.#context.objects.find(this.#resource, namespace, name);
    if (pod === undefined) throw notFound(this.#resource, name);
    const count = (parameter: string): number | undefined => {
      const value = query.get(parameter);
      return value === null || value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
    };
    const container = query.get("container");
    const tailLines = count("tailLines");
    const sinceSeconds = count("sinceSeconds");
    const options: LogOptions = {
      follow: query.get("follow") === "true",
      previous: query.get("previous") === "true",
      timestamps: query.get("timestamps") === "true",
      ...(container === null || container === "" ? {} : { container }),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    };
    const logs = this.#context.node.logs(namespace, name, options);
    if (logs instanceof ApiError) return refusal(logs);
    this.#call.keepOpen();
    return new Response(logs, { headers: { "content-type": "text/plain" } });
  }
}

function isWatch(query: URLSearchParams): boolean {
  const value = query.get("watch");
  return value === "true" || value === "1";
}

/** As the API server: the program name of the User-Agent. */
function defaultManager(userAgent: string | null): string {
  const name = userAgent?.split("/")[0]?.trim() ?? "";
  return name === "" ? "unknown" : name;
}

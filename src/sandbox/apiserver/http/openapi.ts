import { apiVersionOf, type Resource, type ResourceRegistry } from "../resources.ts";
import { type Definitions, isObject, type JsonObject, REF_PREFIX, type Schema } from "../schema/schema.ts";
import { noSuchPath } from "../errors.ts";
import { json } from "./answer.ts";
import { openApiVersion2Protobuf } from "./openapi-protobuf.ts";
import { servedGroups } from "./discovery.ts";
import { REVIEWS } from "./reviews.ts";

const PROTOBUF = /proto-openapi/;
const V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const SCALE = "io.k8s.api.autoscaling.v1.Scale";

const parameter = (name: string, type = "string"): JsonObject => ({ name, in: "query", schema: { type } });
const pathParameter = (name: string): JsonObject => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string" },
});
const WRITE = [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")];

/** Documents are made on first use and again after a CRD changed. */
export class OpenApi {
  readonly #registry: ResourceRegistry;
  readonly #definitions: Definitions;
  #generation = -1;
  #documents = new Map<string, string>();

  constructor(registry: ResourceRegistry, definitions: Definitions) {
    this.#registry = registry;
    this.#definitions = definitions;
  }

  /**
   * `/openapi/v3`, `/openapi/v3/api/v1`, `/openapi/v3/apis/GROUP/VERSION` and `/openapi/v2`, as JSON; version 2 also
   * as the protobuf of `openapi-protobuf.ts`. Who takes only protobuf gets 406 for version 3.
   */
  answer(path: string, accept: string | null): Response {
    const onlyProtobuf = accept !== null && PROTOBUF.test(accept) && !/json|\*\/\*/.test(accept);
    if (onlyProtobuf && path === "/openapi/v2") {
      const document = JSON.parse(this.#document(path)) as { info: JsonObject; paths: JsonObject };
      return new Response(openApiVersion2Protobuf(document), { headers: { "content-type": V2_PROTOBUF } });
    }
    if (onlyProtobuf) return new Response("OpenAPI v3 is served as JSON only\n", { status: 406 });
    const document = this.#document(path);
    return json(document, 200, { etag: `"${hashOf(document)}"` });
  }

  #document(path: string): string {
    if (this.#generation !== this.#registry.generation) {
      this.#documents = new Map();
      this.#generation = this.#registry.generation;
    }
    let document = this.#documents.get(path);
    if (document === undefined) {
      document = JSON.stringify(this.#build(path));
      this.#documents.set(path, document);
    }
    return document;
  }

  #build(path: string): unknown {
    if (path === "/openapi/v3") return this.#index();
    if (path === "/openapi/v2") return this.#version2();
    const match = /^\/openapi\/v3\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))$/.exec(path);
    const group = match?.[2] ?? "";
    const version = match?.[1] ?? match?.[3];
    const known = servedGroups(this.#registry).find((candidate) => candidate.group === group);
    if (version === undefined || known?.versions.includes(version) !== true) throw noSuchPath();
    return this.#version3(group, version);
  }

  #index(): unknown {
    const paths: JsonObject = {};
    for (const { group, versions } of servedGroups(this.#registry)) {
      for (const version of versions) {
        const key = group === "" ? `api/${version}` : `apis/${group}/${version}`;
        const hash = hashOf(this.#document(`/openapi/v3/${key}`));
        paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` };
      }
    }
    return { paths };
  }

  #version3(group: string, version: string): unknown {
    const schemas: Record<string, Schema> = {};
    const paths: JsonObject = {};
    for (const resource of this.#registry.all()) {
      const served = resource.versions.find((candidate) => candidate.name === version);
      if (resource.group !== group || served === undefined) continue;
      const name = schemaName(resource, version, this.#definitions);
      schemas[name] = served.schema;
      if (resource.scale !== undefined) this.#include({ $ref: REF_PREFIX + SCALE }, schemas);
      this.#include(served.schema, schemas);
      Object.assign(paths, pathsOf(resource, version, name));
    }
    for (const review of REVIEWS) {
      if (review.group === group) this.#include({ $ref: REF_PREFIX + review.schema }, schemas);
    }
    return { openapi: "3.0.0", info: INFO, paths, components: { schemas } };
  }

  #version2(): unknown {
    const schemas: Record<string, Schema> = {};
    const paths: JsonObject = {};
    for (const { group, versions } of this.#registry.groups()) {
      for (const version of versions) {
        const document = this.#version3(group, version) as {
          paths: JsonObject;
          components: { schemas: Record<string, Schema> };
        };
        Object.assign(schemas, document.components.schemas);
        Object.assign(paths, document.paths);
      }
    }
    const text = JSON.stringify({
      swagger: "2.0",
      info: INFO,
      paths: version2Paths(paths),
      definitions: schemas,
    });
    return JSON.parse(text.replaceAll(REF_PREFIX, "#/definitions/")) as unknown;
  }

  /** Adds what a schema refers to, and what that refers to. */
  #include(value: unknown, schemas: Record<string, Schema>): void {
    if (Array.isArray(value)) {
      for (const item of value) this.#include(item, schemas);
    } else if (isObject(value)) {
      const ref = value["$ref"];
      if (typeof ref === "string") {
        const name = ref.slice(REF_PREFIX.length);
        const found = this.#definitions.byName.get(name);
        if (found !== undefined && schemas[name] === undefined) {
          schemas[name] = found;
          this.#include(found, schemas);
        }
      }
      for (const child of Object.values(value)) this.#include(child, schemas);
    }
  }
}

const INFO = { title: "Kubernetes", version: "v1.32.0" };

function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32).toUpperCase();
}

function schemaName(resource: Resource, version: string, definitions: Definitions): string {
  if (resource.custom) {
    return `${resource.group.split(".").toReversed().join(".")}.${version}.${resource.kind}`;
  }
  const schema = resource.versions.find((served) => served.name === version)?.schema;
  for (const [name, known] of definitions.byName) if (known === schema) return name;
  throw new Error(`no schema name for ${resource.kind}`);
}

/** Paths with what clients look for: the kind of each operation, and the parameters it takes. */
function pathsOf(resource: Resource, version: string, schema: string): JsonObject {
  const { group, kind } = resource;
  const prefix = group === "" ? `/api/${version}` : `/apis/${apiVersionOf(group, version)}`;
  const scope = resource.namespaced ? "/namespaces/{namespace}" : "";
  const gvk = { group, version, kind };
  const content = { "application/json": { schema: { $ref: REF_PREFIX + schema } } };
  const operation = (action: string, extra: JsonObject = {}): JsonObject => ({
    operationId: `${action}${version}${resource.namespaced ? "Namespaced" : ""}${group}${kind}`,
    responses: { "200": { description: "OK", content } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
    ...extra,
  });
  const common = resource.namespaced ? [pathParameter("namespace")] : [];
  const body = { requestBody: { content } };
  const list = operation("list", { parameters: [parameter("labelSelector"), parameter("watch", "boolean")] });
  return {
    [`${prefix}${scope}/${resource.resource}`]: {
      get: list,
      post: operation("post", { ...body, parameters: WRITE }),
      delete: operation("deletecollection"),
      parameters: common,
    },
    [`${prefix}${scope}/${resource.resource}/{name}`]: {
      get: operation("get"),
      put: operation("put", { ...body, parameters: WRITE }),
      patch: operation("patch", { parameters: [...WRITE, parameter("force", "boolean")] }),
      delete: operation("delete", { parameters: [parameter("gracePeriodSeconds", "integer")] }),
      parameters: [pathParameter("name"), ...common],
    },
    ...(resource.namespaced ? { [`${prefix}/${resource.resource}`]: { get: list } } : {}),
  };
}

/** Swagger 2 has no content maps: the operations keep what clients look for. */
function version2Paths(paths: JsonObject): JsonObject {
  const strip = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const { requestBody: _requestBody, responses, parameters, ...rest } = value;
    const kept: JsonObject = {};
    for (const [key, item] of Object.entries(rest)) kept[key] = strip(item);
    if (responses !== undefined) kept["responses"] = { "200": { description: "OK" } };
    if (Array.isArray(parameters)) {
      kept["parameters"] = parameters.filter(isObject).map(({ schema, ...parameterRest }) => ({
        ...parameterRest,
        type: isObject(schema) ? schema["type"] : "string",
      }));
    }
    return kept;
  };
  return strip(paths) as JsonObject;
}

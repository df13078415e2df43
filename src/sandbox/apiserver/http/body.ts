import { parse as parseYaml } from "yaml";
import { messageOf } from "#core/errors.ts";
import { ApiError } from "../cluster-api.ts";
import { badRequest } from "../errors.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";
import { ProtobufReader } from "./protobuf.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";
/** As kube-apiserver: 3 MiB. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

const tooLarge = (): ApiError =>
  new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${BODY_LIMIT_BYTES}`);

/** Reads a JSON, YAML or (kubectl's) protobuf body; 413, 415 or 400 when that cannot be done. Undefined for an empty body. */
export async function readBody(request: Request): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  if (request.headers.get("content-type")?.startsWith(PROTOBUF) === true) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > BODY_LIMIT_BYTES) throw tooLarge();
    return bytes.length === 0 ? undefined : new ProtobufReader().read(bytes);
  }
  const text = await request.text();
  if (text.length > BODY_LIMIT_BYTES) throw tooLarge();
  if (text.trim() === "") return undefined;
  const type = (request.headers.get("content-type") ?? "application/json").split(";")[0]?.trim() ?? "";
  try {
    if (type.endsWith("yaml")) return parseYaml(text, { maxAliasCount: 100 }) as unknown;
    if (type.endsWith("json") || type === "text/plain" || type === "*/*") return JSON.parse(text) as unknown;
  } catch (error) {
    throw badRequest(`Cannot read the body as ${type}: ${messageOf(error)}`);
  }
  throw new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml; got ${type}`,
  );
}

export async function readObject(request: Request): Promise<JsonObject> {
  const body = await readBody(request);
  if (!isObject(body)) throw badRequest("The body of the request must be an object");
  return body;
}

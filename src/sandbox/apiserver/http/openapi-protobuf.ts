import { isObject, type JsonObject } from "../schema/schema.ts";

/**
 * The part of an OpenAPI v2 document that kubectl reads only as protobuf (gnostic openapi_v2.Document): which kinds a
 * PATCH takes, with which query parameters. From it kubectl learns that the server validates fields itself, for kinds
 * that were served after it started. Schemas are in OpenAPI v3.
 */
export function openApiVersion2Protobuf(document: { info: JsonObject; paths: JsonObject }): Uint8Array {
  const { title, version } = document.info;
  const info = [text(1, title), text(2, version)].flat();
  const paths = Object.entries(document.paths).flatMap(([name, item]) => {
    const patch = isObject(item) && isObject(item["patch"]) ? operation(item["patch"]) : undefined;
    return patch === undefined ? [] : message(2, [text(1, name), message(2, message(8, patch))].flat());
  });
  return Uint8Array.from([text(1, "2.0"), message(2, info), message(8, paths)].flat());
}

function operation(patch: JsonObject): number[] {
  const parameters = Array.isArray(patch["parameters"]) ? patch["parameters"].filter(isObject) : [];
  const gvk = JSON.stringify(patch["x-kubernetes-group-version-kind"]);
  const extension = message(
    13,
    [text(1, "x-kubernetes-group-version-kind"), message(2, text(2, gvk))].flat(),
  );
  return [
    text(5, patch["operationId"]),
    parameters.flatMap((parameter) => message(8, queryParameter(parameter))),
    extension,
  ].flat();
}

/** ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema. */
function queryParameter(parameter: JsonObject): number[] {
  const fields = [text(2, "query"), text(4, parameter["name"]), text(6, parameter["type"])].flat();
  return message(1, message(2, message(3, fields)));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

function message(number: number, bytes: readonly number[]): number[] {
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
}

function text(number: number, value: unknown): number[] {
  return typeof value === "string" ? message(number, [...new TextEncoder().encode(value)]) : [];
}

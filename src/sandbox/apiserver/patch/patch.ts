import { applyPatch as applyJsonPatch, type Operation } from "rfc6902";
import { ApiError, type KubeObject } from "../cluster-api.ts";
import { badRequest } from "../errors.ts";
import { copyJson, type Definitions, isObject, type JsonObject, type Schema } from "../schema/schema.ts";
import { strategicMerge } from "./strategic.ts";

/** JSON merge patch (RFC 7386). Answers a new object; `target` is left as it is. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** JSON patch (RFC 6902); a failed test or a path that is not there is 422, as the API server answers. */
export function jsonPatch(target: JsonObject, operations: unknown): JsonObject {
  if (!Array.isArray(operations)) throw badRequest("A JSON patch must be an array of operations");
  if (operations.length > 10_000) throw badRequest("A JSON patch may have at most 10000 operations");
  const draft = copyJson(target);
  let errors;
  try {
    errors = applyJsonPatch(draft, operations as Operation[]);
  } catch (error) {
    throw badRequest(`Cannot read the JSON patch: ${error instanceof Error ? error.message : "malformed"}`);
  }
  const at = errors.findIndex((error) => error !== null);
  if (at >= 0) {
    const operation: unknown = operations[at];
    const message = `the server rejected our request due to an error in our request: operation ${JSON.stringify(operation)}: ${errors[at]?.message ?? ""}`;
    throw new ApiError(422, "Invalid", message);
  }
  return draft;
}

export type PatchType = "json" | "merge" | "strategic";

/** Applies a patch of one of the three kinds that carry no ownership. */
export function patchObject(
  type: PatchType,
  input: { object: KubeObject; patch: unknown; schema: Schema; definitions: Definitions },
): KubeObject {
  const { object, patch } = input;
  if (type === "json") return jsonPatch(object, patch) as KubeObject;
  if (!isObject(patch)) throw badRequest("The patch must be an object");
  const result = type === "merge" ? mergePatch(object, patch) : strategicMerge(object, patch, input);
  return copyJson(result) as KubeObject;
}

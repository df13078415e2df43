import type { KubeObject } from "../cluster-api.ts";
import { badRequest } from "../errors.ts";
import { jsonPatch, mergePatch } from "../patch/patch.ts";
import type { Resource } from "../resources.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";

const steps = (path: string): string[] => path.split(".").filter((step) => step !== "");

function at(object: unknown, path: string): unknown {
  return steps(path).reduce<unknown>((value, step) => (isObject(value) ? value[step] : undefined), object);
}

function labelsText(selector: unknown): string {
  if (typeof selector === "string") return selector;
  const labels = isObject(selector) && isObject(selector["matchLabels"]) ? selector["matchLabels"] : {};
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",");
}

/** The scale subresource (autoscaling/v1 Scale) of a workload or of a custom resource that declares its paths. */
export function readScale(resource: Resource, object: KubeObject): JsonObject {
  const { scale } = resource;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale?.selector === undefined ? at(object, ".spec.selector") : at(object, scale.selector);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(at(object, scale?.specReplicas ?? "") ?? 0) },
    status: {
      replicas: Number(at(object, scale?.statusReplicas ?? "") ?? 0),
      ...(labelsText(selector) === "" ? {} : { selector: labelsText(selector) }),
    },
  };
}

/** `draft` with the replicas of a Scale that was sent whole ("put") or as a patch. */
export function writeScale(
  resource: Resource,
  draft: KubeObject,
  input: { body: unknown; type: "put" | "json" | "merge" | "strategic" | "apply" },
): KubeObject {
  const before = readScale(resource, draft);
  const wanted =
    input.type === "put"
      ? input.body
      : input.type === "json"
        ? jsonPatch(before, input.body)
        : mergePatch(before, input.body);
  const replicas = at(wanted, ".spec.replicas") ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    throw badRequest(
      `spec.replicas: Invalid value: ${JSON.stringify(replicas)}: must be an integer of at least 0`,
    );
  }
  const version = at(wanted, ".metadata.resourceVersion");
  if (typeof version === "string" && version !== "") draft.metadata.resourceVersion = version;
  const path = steps(resource.scale?.specReplicas ?? "");
  const last = path.pop();
  let owner: JsonObject = draft;
  for (const step of path) {
    const next = owner[step];
    owner = isObject(next) ? next : (owner[step] = {});
  }
  if (last !== undefined) owner[last] = replicas;
  return draft;
}

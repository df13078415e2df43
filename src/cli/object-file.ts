import { parseAllDocuments } from "yaml";
import type { KubeObject } from "#api/object.ts";
import { IsthmusError } from "#core/errors.ts";

/** The Kubernetes objects of a YAML or JSON text, in order; other documents are left out. Throws INVALID on bad YAML. */
export function parseObjects(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document): KubeObject[] => {
    const [problem] = document.errors;
    if (problem !== undefined)
      throw new IsthmusError("INVALID", problem.message.split("\n")[0] ?? "Not YAML");
    const value: unknown = document.toJS();
    return isKubeObject(value) ? [value] : [];
  });
}

function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== "object" || value === null) return false;
  if (!("apiVersion" in value) || !("kind" in value) || !("metadata" in value)) return false;
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return false;
  return (
    typeof metadata === "object" &&
    metadata !== null &&
    "name" in metadata &&
    typeof metadata.name === "string"
  );
}

import { stringify } from "yaml";
import type { Io } from "../io.ts";

export type ObjectFormat = "yaml" | "json";

/** One object as a document, several as a List (JSON) or as documents (YAML): what `kubectl apply -f -` takes. */
export function formatObjects(objects: readonly object[], format: ObjectFormat): string {
  if (format === "yaml") return objects.map((object) => stringify(object, YAML)).join("---\n");
  const [only] = objects;
  const value = objects.length === 1 ? only : { apiVersion: "v1", kind: "List", items: objects };
  return `${JSON.stringify(value, undefined, 4)}\n`;
}

/** Any value, in the format asked for. */
export function printValue(value: object, format: ObjectFormat, io: Io): void {
  io.out(format === "yaml" ? stringify(value, YAML) : `${JSON.stringify(value, undefined, 4)}\n`);
}

/** No anchors: the documents are for people. */
const YAML = { aliasDuplicateObjects: false, lineWidth: 0 } as const;

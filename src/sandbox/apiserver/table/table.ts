import type { KubeObject } from "../cluster-api.ts";
import { apiVersionOf, type Resource, resourceKey, versionNamed } from "../resources.ts";
import { type Printer, printerFor } from "./columns.ts";

/** What rows carry beside the cells. */
export type IncludeObject = "None" | "Metadata" | "Object";

export function partialMetadata(object: KubeObject): Record<string, unknown> {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

/** Makes meta.k8s.io/v1 Tables of one resource in one version. */
export class Tables {
  readonly #printer: Printer;
  readonly #include: IncludeObject;
  readonly #apiVersion: string;

  constructor(resource: Resource, options: { version: string; include: IncludeObject }) {
    const version = versionNamed(resource, options.version);
    this.#printer = printerFor(resourceKey(resource), version, resource.custom);
    this.#include = options.include;
    this.#apiVersion = apiVersionOf(resource.group, options.version);
  }

  of(
    objects: readonly KubeObject[],
    metadata: Record<string, unknown>,
    nowMs: number,
  ): Record<string, unknown> {
    return {
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata,
      columnDefinitions: this.#printer.columns,
      rows: objects.map((object) => this.#row(object, nowMs)),
    };
  }

  /** One row without column definitions, for the events of a watch after the first. */
  rowOnly(object: KubeObject, nowMs: number): Record<string, unknown> {
    return {
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: null,
      rows: [this.#row(object, nowMs)],
    };
  }

  #row(object: KubeObject, nowMs: number): Record<string, unknown> {
    const cells = this.#printer.cells(object, nowMs);
    if (this.#include === "None") return { cells };
    const shown =
      this.#include === "Object" ? { ...object, apiVersion: this.#apiVersion } : partialMetadata(object);
    return { cells, object: shown };
  }
}

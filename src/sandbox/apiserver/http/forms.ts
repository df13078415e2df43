import type { KubeObject } from "../cluster-api.ts";
import { apiVersionOf, type Resource } from "../resources.ts";
import type { Store } from "../store/store.ts";
import { type IncludeObject, partialMetadata, Tables } from "../table/table.ts";
import { json, yaml } from "./answer.ts";
import type { Call, ServerContext } from "./context.ts";
import { type Representation, representationFor } from "./negotiate.ts";

/** Writes objects of one resource in the version and form that a request asked for. */
export class Forms {
  readonly representation: Representation;
  readonly #context: ServerContext;
  readonly #resource: Resource;
  readonly #apiVersion: string;
  readonly #tables: Tables | undefined;
  readonly #store: Store;

  constructor(context: ServerContext, call: Call, target: { resource: Resource; version: string }) {
    this.#context = context;
    this.#store = context.objects.store;
    this.#resource = target.resource;
    this.#apiVersion = apiVersionOf(target.resource.group, target.version);
    this.representation = representationFor(call.request.headers.get("accept"));
    if (this.representation === "table") {
      const asked = call.query.get("includeObject");
      const include: IncludeObject = asked === "None" || asked === "Object" ? asked : "Metadata";
      this.#tables = new Tables(target.resource, { version: target.version, include });
    }
  }

  /** The JSON text of one object in this form; `first` asks for column definitions where they are sent once. */
  text(object: KubeObject, first = true): string {
    if (this.#tables !== undefined) {
      const now = this.#context.clock.now();
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return JSON.stringify(
        first ? this.#tables.of([object], metadata, now) : this.#tables.rowOnly(object, now),
      );
    }
    if (this.representation === "metadata") return JSON.stringify(partialMetadata(object));
    if (object.apiVersion === this.#apiVersion) return this.#store.textOf(object);
    return JSON.stringify({ ...object, apiVersion: this.#apiVersion });
  }

  one(object: KubeObject, status = 200): Response {
    if (this.representation === "yaml") return yaml(JSON.parse(this.text(object)), status);
    return json(this.text(object), status);
  }

  list(objects: readonly KubeObject[], metadata: Record<string, unknown>): Response {
    if (this.#tables !== undefined)
      return json(this.#tables.of(objects, metadata, this.#context.clock.now()));
    const head =
      this.representation === "metadata"
        ? { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata }
        : { kind: this.#resource.listKind, apiVersion: this.#apiVersion, metadata };
    const items = objects.map((object) => this.text(object)).join(",");
    const whole = `${JSON.stringify(head).slice(0, -1)},"items":[${items}]}`;
    return this.representation === "yaml" ? yaml(JSON.parse(whole)) : json(whole);
  }

  /** An otherwise empty object with a revision, as bookmarks carry it. */
  bookmark(revision: number, initialEventsEnd: boolean): string {
    const annotations = { "k8s.io/initial-events-end": "true" };
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEventsEnd ? { annotations } : {}),
    };
    const object =
      this.#tables === undefined
        ? { kind: this.#resource.kind, apiVersion: this.#apiVersion, metadata }
        : { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata, columnDefinitions: null, rows: [] };
    return JSON.stringify({ type: "BOOKMARK", object });
  }
}

import type { KubeObject } from "../cluster-api.ts";
import { resourceOfCrd } from "../kinds/custom-resource-definition.ts";
import type { ResourceRegistry } from "../resources.ts";
import type { Definitions } from "../schema/schema.ts";
import type { Store } from "../store/store.ts";

export const CRDS = "customresourcedefinitions.apiextensions.k8s.io";

/** Serves a custom resource as long as its definition is stored: at start, and from the write on that makes it. */
export function followDefinitions(
  store: Store,
  context: { registry: ResourceRegistry; definitions: Definitions },
): () => void {
  const { registry, definitions } = context;
  const serve = (crd: KubeObject): void => {
    registry.add(resourceOfCrd(crd, definitions));
  };
  const generations = new Map<string, number | undefined>();
  for (const crd of store.list(CRDS)) {
    generations.set(crd.metadata.name, crd.metadata.generation);
    serve(crd);
  }
  return store.onChange(CRDS, ({ type, object }) => {
    const { name, generation } = object.metadata;
    if (type === "DELETED") {
      generations.delete(name);
      registry.remove(name);
    } else if (!generations.has(name) || generations.get(name) !== generation) {
      generations.set(name, generation);
      serve(object);
    }
  });
}

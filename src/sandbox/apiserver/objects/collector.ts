import type { KubeObject } from "../cluster-api.ts";
import { CLEANUP } from "../kinds/custom-resource-definition.ts";
import { type Resource, resourceKey, type ResourceRegistry } from "../resources.ts";
import { copyJson } from "../schema/schema.ts";
import { type Change, EVERY_RESOURCE, type Store } from "../store/store.ts";
import type { Objects } from "./objects.ts";

const SYSTEM = { name: "system:serviceaccount:kube-system:generic-garbage-collector", groups: [] };
const CRDS = "customresourcedefinitions.apiextensions.k8s.io";

/**
 * What follows from a deletion, in the same turn: dependents of a deleted owner (background, foreground, orphan),
 * the contents of a namespace, the custom resources of a definition. Driven by the change log alone.
 */
export class Collector {
  readonly #store: Store;
  readonly #objects: Objects;
  readonly #registry: ResourceRegistry;
  /** Owner uid -> uids of its dependents. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #ownersOf = new Map<string, readonly string[]>();

  constructor(objects: Objects, registry: ResourceRegistry) {
    this.#store = objects.store;
    this.#objects = objects;
    this.#registry = registry;
  }

  /** Reads what is stored, finishes what was under way, and follows changes from then on. */
  start(): () => void {
    for (const resource of this.#registry.all()) {
      for (const object of this.#store.list(resourceKey(resource))) this.#index(object);
    }
    const stop = this.#store.onChange(EVERY_RESOURCE, (change) => this.#onChange(change));
    for (const resource of this.#registry.all()) {
      for (const object of this.#store.list(resourceKey(resource))) {
        if (object.metadata.deletionTimestamp !== undefined) this.#progress(resource, object);
        this.#collectIfOrphaned(resource, object);
      }
    }
    return stop;
  }

  #index(object: KubeObject): void {
    const { uid, ownerReferences = [] } = object.metadata;
    if (uid === undefined) return;
    const owners = ownerReferences.map((owner) => owner.uid);
    for (const owner of this.#ownersOf.get(uid) ?? []) {
      if (!owners.includes(owner)) this.#dependents.get(owner)?.delete(uid);
    }
    if (owners.length === 0) this.#ownersOf.delete(uid);
    else this.#ownersOf.set(uid, owners);
    for (const owner of owners) {
      let dependents = this.#dependents.get(owner);
      if (dependents === undefined) this.#dependents.set(owner, (dependents = new Set()));
      dependents.add(uid);
    }
  }

  #onChange(change: Change): void {
    const resource = this.#registry.get(change.resource);
    const { object } = change;
    if (change.type === "DELETED") {
      this.#onDeleted(object);
      return;
    }
    this.#index(object);
    if (resource === undefined) return;
    const current = this.#objects.find(resource, object.metadata.namespace ?? "", object.metadata.name);
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return;
    if (current.metadata.deletionTimestamp !== undefined) this.#progress(resource, current);
    else if (change.type === "ADDED") this.#collectIfOrphaned(resource, current);
  }

  #onDeleted(object: KubeObject): void {
    const { uid = "", namespace = "" } = object.metadata;
    const owners = this.#ownersOf.get(uid) ?? [];
    this.#ownersOf.delete(uid);
    for (const owner of owners) {
      this.#dependents.get(owner)?.delete(uid);
      const found = this.#store.byUid(owner);
      const resource = found === undefined ? undefined : this.#registry.get(found.resource);
      if (
        found !== undefined &&
        resource !== undefined &&
        found.object.metadata.deletionTimestamp !== undefined
      ) {
        this.#progress(resource, found.object);
      }
    }
    for (const dependent of this.#takeDependents(uid)) {
      this.#collectIfOrphaned(dependent.resource, dependent.object);
    }
    this.#dependents.delete(uid);
    this.#progressContainers(object, namespace);
  }

  /** A namespace or definition that is being deleted may have lost its last content. */
  #progressContainers(object: KubeObject, namespace: string): void {
    const container = namespace === "" ? undefined : this.#store.get("namespaces", "", namespace);
    const namespaces = this.#registry.get("namespaces");
    if (container?.metadata.deletionTimestamp !== undefined && namespaces !== undefined) {
      this.#finishNamespace(namespaces, container);
    }
    const [group = "", version] = object.apiVersion.split("/");
    const resource = version === undefined ? undefined : this.#registry.findKind(group, object.kind);
    if (resource?.custom !== true) return;
    const crd = this.#store.get(CRDS, "", `${resource.resource}.${resource.group}`);
    const definitions = this.#registry.get(CRDS);
    if (crd?.metadata.deletionTimestamp !== undefined && definitions !== undefined) {
      this.#progress(definitions, crd);
    }
  }

  #takeDependents(uid: string): { resource: Resource; object: KubeObject }[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => {
      const found = this.#store.byUid(dependent);
      const resource = found === undefined ? undefined : this.#registry.get(found.resource);
      return found === undefined || resource === undefined ? [] : [{ resource, object: found.object }];
    });
  }

  /** Deletes an object whose owners are all gone; forgets gone owners when one is left. */
  #collectIfOrphaned(resource: Resource, object: KubeObject): void {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return;
    const present = owners.filter((owner) => this.#store.byUid(owner.uid) !== undefined);
    if (present.length === owners.length) return;
    if (present.length === 0) {
      this.#delete(resource, object, "Background");
      return;
    }
    const draft = copyJson(object);
    draft.metadata.ownerReferences = copyJson(present);
    this.#store.put(resourceKey(resource), draft);
  }

  #progress(resource: Resource, object: KubeObject): void {
    const { finalizers = [], uid = "" } = object.metadata;
    if (finalizers.includes("orphan")) {
      for (const dependent of this.#takeDependents(uid)) this.#disown(dependent, uid);
      this.#removeFinalizer(resource, object, "orphan");
      return;
    }
    if (finalizers.includes("foregroundDeletion")) {
      for (const dependent of this.#takeDependents(uid)) {
        if (dependent.object.metadata.deletionTimestamp === undefined) {
          this.#delete(dependent.resource, dependent.object, "Foreground");
        }
      }
      const blocking = this.#takeDependents(uid).filter(({ object: dependent }) =>
        dependent.metadata.ownerReferences?.some(
          (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
        ),
      );
      if (blocking.length === 0) this.#removeFinalizer(resource, object, "foregroundDeletion");
      return;
    }
    if (resource.custom) return;
    if (resource.kind === "Namespace") this.#finishNamespace(resource, object);
    if (resourceKey(resource) === CRDS) this.#finishDefinition(resource, object);
  }

  #disown(dependent: { resource: Resource; object: KubeObject }, owner: string): void {
    const draft = copyJson(dependent.object);
    const owners = (draft.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner);
    if (owners.length === 0) delete draft.metadata.ownerReferences;
    else draft.metadata.ownerReferences = owners;
    this.#store.put(resourceKey(dependent.resource), draft);
  }

  #finishNamespace(resource: Resource, namespace: KubeObject): void {
    let left = 0;
    for (const content of this.#registry.all()) {
      if (!content.namespaced) continue;
      for (const object of this.#store.list(resourceKey(content))) {
        if (object.metadata.namespace !== namespace.metadata.name) continue;
        if (object.metadata.deletionTimestamp === undefined) this.#delete(content, object, "Background");
        left +=
          this.#objects.find(content, namespace.metadata.name, object.metadata.name) === undefined ? 0 : 1;
      }
    }
    const current = this.#objects.find(resource, "", namespace.metadata.name);
    if (left > 0 || current?.metadata.deletionTimestamp === undefined) return;
    const draft = copyJson(current);
    draft["spec"] = {};
    if ((draft.metadata.finalizers ?? []).length > 0) this.#store.put(resourceKey(resource), draft);
    else this.#store.remove(resourceKey(resource), current);
  }

  #finishDefinition(resource: Resource, crd: KubeObject): void {
    const custom = this.#registry.get(crd.metadata.name);
    let left = 0;
    if (custom !== undefined) {
      for (const object of this.#store.list(resourceKey(custom))) {
        if (object.metadata.deletionTimestamp === undefined) this.#delete(custom, object, "Background");
        const { namespace = "", name } = object.metadata;
        left += this.#objects.find(custom, namespace, name) === undefined ? 0 : 1;
      }
    }
    if (left === 0) this.#removeFinalizer(resource, crd, CLEANUP);
  }

  #delete(resource: Resource, object: KubeObject, propagation: "Background" | "Foreground"): void {
    const { namespace = "", name } = object.metadata;
    if (this.#objects.find(resource, namespace, name) === undefined) return;
    this.#objects.delete(resource, { namespace, name }, { user: SYSTEM, propagation });
  }

  #removeFinalizer(resource: Resource, object: KubeObject, finalizer: string): void {
    const current = this.#objects.find(resource, object.metadata.namespace ?? "", object.metadata.name);
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return;
    const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    const draft = copyJson(current);
    if (finalizers.length === 0) delete draft.metadata.finalizers;
    else draft.metadata.finalizers = finalizers;
    const pending =
      finalizers.length > 0 ||
      (current.metadata.deletionGracePeriodSeconds ?? 0) > 0 ||
      (resource.kind === "Namespace" && !resource.custom);
    if (pending) this.#store.put(resourceKey(resource), draft);
    else this.#store.remove(resourceKey(resource), current);
  }
}

import type { ClusterApi, EventType, KubeObject, NewObject } from "../apiserver/cluster-api.ts";

export type Change<T> = (type: EventType, object: T, old: T | undefined) => void;

/**
 * The typed face of one resource: a cache kept by a watch, with the objects of a namespace and of an owner at hand,
 * and the writes. What it answers is frozen and shared. After a write returns, the cache has it.
 */
export class Store<T extends KubeObject> {
  readonly resource: string;
  readonly #api: ClusterApi;
  readonly #byNamespace = new Map<string, Map<string, T>>();
  readonly #byOwner = new Map<string, Map<string, T>>();
  readonly #listeners = new Set<Change<T>>();
  readonly #stop: () => void;

  constructor(api: ClusterApi, resource: string) {
    this.resource = resource;
    this.#api = api;
    this.#stop = api.watch(resource, (type, object) => this.#apply(type, object as T));
  }

  get(namespace: string, name: string): T | undefined {
    return this.#byNamespace.get(namespace)?.get(name);
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): T[] {
    if (namespace !== undefined) return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
    return [...this.#byNamespace.values()].flatMap((objects) => [...objects.values()]);
  }

  /** Objects whose controlling owner has this uid. */
  ownedBy(uid: string): T[] {
    return [...(this.#byOwner.get(uid)?.values() ?? [])];
  }

  /** Calls `fn` for what is there (as ADDED), then for each change. Listeners only note what to look at again. Answers what stops it. */
  onChange(fn: Change<T>): () => void {
    this.#listeners.add(fn);
    for (const object of this.list()) fn("ADDED", object, undefined);
    return () => this.#listeners.delete(fn);
  }

  create(object: NewObject): T {
    return this.#api.create(this.resource, object) as T;
  }

  /** Changes the object; `fn` answers undefined to leave it. Undefined when it is absent. */
  mutate(id: { namespace: string; name: string }, fn: (draft: T) => T | undefined): T | undefined {
    return this.#api.mutate(this.resource, id.namespace, id.name, (draft) => fn(draft as T)) as T | undefined;
  }

  mutateStatus(id: { namespace: string; name: string }, fn: (draft: T) => T | undefined): T | undefined {
    const change = (draft: KubeObject): KubeObject | undefined => fn(draft as T);
    return this.#api.mutate(this.resource, id.namespace, id.name, change, { subresource: "status" }) as
      | T
      | undefined;
  }

  delete(
    id: { namespace: string; name: string },
    options: { graceSeconds?: number; uid?: string } = {},
  ): void {
    this.#api.delete(this.resource, id.namespace, id.name, options);
  }

  stop(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #apply(type: EventType, object: T): void {
    const { name, namespace = "" } = object.metadata;
    let objects = this.#byNamespace.get(namespace);
    if (objects === undefined) this.#byNamespace.set(namespace, (objects = new Map()));
    const old = objects.get(name);
    if (old !== undefined) this.#unown(old);
    if (type === "DELETED") {
      objects.delete(name);
    } else {
      objects.set(name, object);
      this.#own(object);
    }
    for (const listener of this.#listeners) listener(type, object, old);
  }

  #own(object: T): void {
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    let owned = this.#byOwner.get(owner);
    if (owned === undefined) this.#byOwner.set(owner, (owned = new Map()));
    owned.set(object.metadata.uid ?? object.metadata.name, object);
  }

  #unown(object: T): void {
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    const owned = this.#byOwner.get(owner);
    owned?.delete(object.metadata.uid ?? object.metadata.name);
    if (owned?.size === 0) this.#byOwner.delete(owner);
  }
}

/** The owner that manages this object, if any. */
export function controllerOf(object: KubeObject): { kind: string; name: string; uid: string } | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Namespace and name of a stored object, as the write calls take them. */
export function at(object: KubeObject): { namespace: string; name: string } {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** A key for queues and maps; `splitKey` is its inverse. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

import { ApiError, type ClusterApi, type KubeObject, type UserInfo } from "./cluster-api.ts";
import type { Objects } from "./objects/objects.ts";
import type { Resource, ResourceRegistry } from "./resources.ts";
import type { Change } from "./store/store.ts";

/** Owner of what the node half writes, as managed fields name it. */
const MANAGER = "isthmus-sandbox";
const USER: UserInfo = { name: "system:isthmus-sandbox", groups: ["system:masters"] };

/** `ClusterApi` straight on the objects: no HTTP, no JSON between. */
export function inProcessApi(objects: Objects, registry: ResourceRegistry): ClusterApi {
  const { store } = objects;
  const resourceOf = (key: string): Resource => {
    const resource = registry.get(key);
    if (resource === undefined) throw new ApiError(404, "NotFound", `No resource "${key}" is served`);
    return resource;
  };
  return {
    get: (resource, namespace, name) => store.get(resource, namespace, name),

    list(resource, options = {}) {
      const { namespace, labels = {} } = options;
      const wanted = Object.entries(labels);
      const found: KubeObject[] = [];
      for (const object of store.list(resource)) {
        if (namespace !== undefined && namespace !== "" && object.metadata.namespace !== namespace) continue;
        const own = object.metadata.labels ?? {};
        if (wanted.every(([key, value]) => own[key] === value)) found.push(object);
      }
      return found;
    },

    create: (resource, object) =>
      objects.create(resourceOf(resource), object, { manager: MANAGER, user: USER }),

    mutate(key, namespace, name, fn, options = {}) {
      const resource = resourceOf(key);
      if (objects.find(resource, namespace, name) === undefined) return undefined;
      objects.update(resource, { namespace, name }, fn, { manager: MANAGER, user: USER, ...options });
      return objects.find(resource, namespace, name);
    },

    delete(key, namespace, name, options = {}) {
      const resource = resourceOf(key);
      if (objects.find(resource, namespace, name) === undefined) return;
      objects.delete(resource, { namespace, name }, { user: USER, ...options });
    },

    watch(resource, fn) {
      const since = store.revision;
      // What the listener itself changes while it hears of the existing objects waits until it heard of them all.
      let waiting: Change[] | undefined = [];
      const stop = store.onChange(resource, (change) => {
        if (change.revision <= since) return;
        if (waiting === undefined) fn(change.type, change.object);
        else waiting.push(change);
      });
      for (const object of Array.from(store.list(resource))) fn("ADDED", object);
      for (let change = waiting.shift(); change !== undefined; change = waiting.shift()) {
        fn(change.type, change.object);
      }
      waiting = undefined;
      return stop;
    },
  };
}

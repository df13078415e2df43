interface MetadataReflect {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
}

/**
 * The part of the Reflect metadata proposal that @peculiar/x509's dependency container (tsyringe) needs to load: it
 * refuses to start without `Reflect.getMetadata`. Metadata on classes only. Does nothing where a full one is loaded.
 */
export function installReflectMetadata(reflect: MetadataReflect = globalThis.Reflect as object): void {
  if (reflect.getMetadata !== undefined) return;
  const store = new WeakMap<object, Map<unknown, unknown>>();
  reflect.getOwnMetadata = (key, target) => store.get(target)?.get(key);
  reflect.getMetadata = (key, target) => {
    for (let object: object | null = target; object !== null; object = Reflect.getPrototypeOf(object)) {
      const known = store.get(object);
      if (known?.has(key)) return known.get(key);
    }
    return undefined;
  };
  reflect.defineMetadata = (key, value, target) => {
    const known = store.get(target) ?? new Map<unknown, unknown>();
    known.set(key, value);
    store.set(target, known);
  };
}

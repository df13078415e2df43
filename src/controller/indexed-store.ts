import type { KubeObject } from "#api/object.ts";
import { keyOf, keyText } from "./object-key.ts";

/** Values under which an object is found; an object may have none or several. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Objects by key and by indexes. `set`, `delete` and look-ups cost O(values of the object), never O(objects). */
export class IndexedStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #functions: Readonly<Record<string, IndexFunction<T>>>;
  /** Index name -> value -> keys. */
  readonly #indexes = new Map<string, Map<string, Set<string>>>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#functions = indexes;
    for (const name of Object.keys(indexes)) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** A new array; the objects are shared. */
  list(): T[] {
    return [...this.#objects.values()];
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  /** Throws when there is no such index. */
  by(index: string, value: string): T[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new Error(`There is no index "${index}"`);
    const found: T[] = [];
    for (const key of values.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** Freezes the object, deeply: it is shared by all readers. Returns what was there before. */
  set(object: T): T | undefined {
    const key = keyText(keyOf(object));
    const before = this.delete(key);
    deepFreeze(object);
    this.#objects.set(key, object);
    for (const [name, values] of this.#indexes) {
      for (const value of this.#functions[name]?.(object) ?? []) {
        const keys = values.get(value);
        if (keys === undefined) values.set(value, new Set([key]));
        else keys.add(key);
      }
    }
    return before;
  }

  delete(key: string): T | undefined {
    const before = this.#objects.get(key);
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    for (const [name, values] of this.#indexes) {
      for (const value of this.#functions[name]?.(before) ?? []) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
    }
    return before;
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}

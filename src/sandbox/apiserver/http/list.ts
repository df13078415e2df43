import type { KubeObject } from "../cluster-api.ts";
import { badRequest, gone } from "../errors.ts";
import { type Resource, resourceKey } from "../resources.ts";
import { type Selector, selectableOf, selectorOf } from "../selectors.ts";
import type { Store } from "../store/store.ts";

interface Continue {
  /** Revision of the first page: a watch from it sees everything that the later pages may have missed. */
  rv: number;
  /** Last key of the page before. */
  after: string;
}

export interface Page {
  items: KubeObject[];
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

export interface Scope {
  resource: Resource;
  namespace: string;
  /** One object only, when the path names it. */
  name?: string;
}

const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ""}/${object.metadata.name}`;

export function selectorFrom(query: URLSearchParams): Selector | undefined {
  return selectorOf(query.get("labelSelector") ?? "", query.get("fieldSelector") ?? "");
}

export function inScope(object: KubeObject, scope: Scope): boolean {
  return (
    (scope.namespace === "" || object.metadata.namespace === scope.namespace) &&
    (scope.name === undefined || object.metadata.name === scope.name)
  );
}

/** Objects in the order of namespace and name. */
export function select(store: Store, scope: Scope, selector: Selector | undefined): KubeObject[] {
  const found: { key: string; object: KubeObject }[] = [];
  for (const object of store.list(resourceKey(scope.resource))) {
    if (!inScope(object, scope)) continue;
    if (selector !== undefined && !selector(selectableOf(object))) continue;
    found.push({ key: keyOf(object), object });
  }
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ object }) => object);
}

/**
 * One page of a list. Later pages show the present state, not that of the first page, but carry its revision: who
 * watches from there misses nothing. 410 when that revision is out of the log.
 */
export function page(store: Store, scope: Scope, query: URLSearchParams): Page {
  const limit = Number(query.get("limit") ?? 0);
  const token = query.get("continue") ?? "";
  const from = token === "" ? undefined : decode(token);
  if (from !== undefined && from.rv < store.oldestRevision) {
    throw gone("The provided continue parameter is too old to display a consistent list result");
  }
  let items = select(store, scope, selectorFrom(query));
  if (from !== undefined) items = items.filter((object) => keyOf(object) > from.after);
  const revision = from?.rv ?? store.revision;
  const metadata: Page["metadata"] = { resourceVersion: String(revision) };
  if (!(limit > 0) || items.length <= limit) return { items, metadata };
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  metadata.continue = encode({ rv: revision, after: last === undefined ? "" : keyOf(last) });
  metadata.remainingItemCount = items.length - limit;
  return { items: shown, metadata };
}

function encode(token: Continue): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function decode(text: string): Continue {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString()) as Continue;
    if (typeof token.rv === "number" && typeof token.after === "string") return token;
  } catch {
    // Answered below like any other malformed token.
  }
  throw badRequest(`continue key is not valid: ${text.slice(0, 64)}`);
}

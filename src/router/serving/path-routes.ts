import type { EntryConfig } from "../config.ts";
import type { RouteMatch, Routes } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";

/**
 * Services by path, as in the Gateway API: an exact path goes before a prefix, a longer prefix before a shorter one, and
 * a prefix ends at a "/" or at the end of the path ("/a" has "/a" and "/a/b", not "/ab"). O(length of the path).
 */
export class PathRoutes implements Routes {
  readonly only = undefined;
  readonly #exact = new Map<string, RouteMatch>();
  readonly #prefixes = new Map<string, RouteMatch>();
  #shortest = Number.POSITIVE_INFINITY;

  /** Takes new paths in the place of the old ones, for the next request. `routeOf` gives the route of a service's port. */
  configure(entries: EntryConfig["routes"], routeOf: (service: string, port: number) => Route): void {
    this.#exact.clear();
    this.#prefixes.clear();
    this.#shortest = Number.POSITIVE_INFINITY;
    for (const { path, pathType, service, port, stripPrefix } of entries) {
      const exact = pathType === "Exact";
      // A slash at the end of a prefix says nothing: "/a/" and "/a" are the same.
      const key = !exact && path.endsWith("/") ? path.slice(0, -1) : path;
      const stripBytes = stripPrefix === false ? 0 : key.length;
      (exact ? this.#exact : this.#prefixes).set(key, { route: routeOf(service, port), stripBytes });
      if (!exact) this.#shortest = Math.min(this.#shortest, key.length);
    }
  }

  find(path: string): RouteMatch | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    for (let end = path.length; end >= this.#shortest; end = path.lastIndexOf("/", end - 1)) {
      const found = this.#prefixes.get(path.slice(0, end));
      if (found !== undefined) return found;
      if (end === 0) break;
    }
    return undefined;
  }
}

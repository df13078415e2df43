/* What is shown, as an address: every view and every filter is in the URL, so that a link restores what its sender saw. */

import { FLOW_KEYS } from "./flow-filter.ts";

export type ViewName = "network" | "services" | "service" | "flows" | "site" | "activity" | "missing";

export interface Route {
  readonly view: ViewName;
  /** Of a service `namespace/name`, of a site its id; otherwise empty. */
  readonly name: string;
  /** Filters and choices; those that say nothing are absent. */
  readonly query: Readonly<Record<string, string>>;
}

/** What each view takes from the query; the rest is dropped. */
const KEYS: Readonly<Record<ViewName, readonly string[]>> = {
  network: ["link"],
  services: ["q", "state", "site", "sort"],
  service: ["port", "range", "site"],
  flows: [...FLOW_KEYS, "flow"],
  site: [],
  activity: ["service", "site", "severity"],
  missing: [],
};

export function parseRoute(pathname: string, search: string): Route {
  const parts = pathname.split("/").filter((part) => part !== "");
  const [first, ...rest] = parts.map(decode);
  const [view, name] = viewOf(first, rest);
  const query: Record<string, string> = {};
  const given = new URLSearchParams(search);
  for (const key of KEYS[view]) {
    const value = given.get(key);
    if (value !== null && value !== "") query[key] = value;
  }
  return { view, name, query };
}

function viewOf(first: string | undefined, rest: readonly string[]): readonly [ViewName, string] {
  if (first === undefined || first === "network") return ["network", ""];
  if (first === "services" && rest.length === 0) return ["services", ""];
  if (first === "services" && rest.length === 2) return ["service", rest.join("/")];
  if (first === "flows" && rest.length === 0) return ["flows", ""];
  if (first === "activity" && rest.length === 0) return ["activity", ""];
  if (first === "sites" && rest.length === 1) return ["site", rest[0] ?? ""];
  return ["missing", ""];
}

/** The address of a view; `parseRoute` of it gives the same route. */
export function hrefOf(
  view: ViewName,
  name = "",
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const path = pathOf(view, name);
  const given = new URLSearchParams();
  for (const key of KEYS[view]) {
    const value = query[key];
    if (value !== undefined && value !== "") given.set(key, value);
  }
  const search = given.toString();
  return search === "" ? path : `${path}?${search}`;
}

function pathOf(view: ViewName, name: string): string {
  if (view === "network" || view === "missing") return "/";
  if (view === "service") return `/services/${name.split("/").map(encodeURIComponent).join("/")}`;
  if (view === "site") return `/sites/${encodeURIComponent(name)}`;
  return `/${view}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

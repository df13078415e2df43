import { IsthmusError } from "#core/errors.ts";
import { MOST_EVENTS, type ActivityQuery } from "../store/event-table.ts";
import { MOST_FLOWS } from "../store/flow-table.ts";
import type { FlowFilter } from "../views.ts";

/** Longer values are not looked at. */
const MAX_TEXT = 300;

/** The query of a request, read field by field; what is not known or not right is INVALID, with the field named. */
export class Query {
  readonly #left: Map<string, string>;

  constructor(params: URLSearchParams) {
    this.#left = new Map();
    for (const [name, value] of params) {
      if (this.#left.has(name)) throw invalid(name, "it is given twice");
      this.#left.set(name, value);
    }
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value !== undefined && (value === "" || value.length > MAX_TEXT))
      throw invalid(name, `expected 1 to ${MAX_TEXT} characters`);
    return value;
  }

  one<const T extends string>(name: string, options: readonly T[]): T | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const found = options.find((option) => option === value);
    if (found === undefined) throw invalid(name, `expected ${options.join(" or ")}`);
    return found;
  }

  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^\d{1,16}$/.test(value) || number < min || number > max)
      throw invalid(name, `expected a whole number from ${min} to ${max}`);
    return number;
  }

  /** Throws INVALID for what nobody asked for. */
  end(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw invalid(name, "it is not known here");
  }

  #take(name: string): string | undefined {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value;
  }
}

export function flowFilter(query: Query): FlowFilter {
  const status = query.text("status");
  if (status !== undefined && !/^[1-5](xx|\d\d)$/.test(status))
    throw invalid("status", 'expected a status like "503" or a class like "5xx"');
  const before = query.integer("before", { min: 0, max: Number.MAX_SAFE_INTEGER });
  const limit = query.integer("limit", { min: 1, max: MOST_FLOWS });
  return defined({
    service: query.text("service"),
    source: query.text("source"),
    destination: query.text("destination"),
    endpoint: query.text("endpoint"),
    client: query.text("client"),
    protocol: query.one("protocol", ["tcp", "http", "grpc"]),
    outcome: query.one("outcome", ["ok", "error"]),
    status,
    method: query.text("method"),
    path: query.text("path"),
    minDurationMs: query.integer("minDurationMs", { min: 0, max: 86_400_000 }),
    before,
    limit,
  });
}

export function activityQuery(query: Query): ActivityQuery {
  return defined({
    before: query.integer("before", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    limit: query.integer("limit", { min: 1, max: MOST_EVENTS }),
    service: query.text("service"),
    site: query.text("site"),
  });
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that are undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>;
}

function invalid(name: string, why: string): IsthmusError {
  return new IsthmusError("INVALID", `Cannot use the query's "${name}": ${why}`);
}

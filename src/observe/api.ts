import { systemClock, type Clock } from "#core/clock.ts";
import { IsthmusError, messageOf, type ErrorCode } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { activityQuery, defined, flowFilter, Query } from "./api/query.ts";
import { eventStream } from "./api/event-stream.ts";
import type { Observer } from "./observer.ts";
import type { ViewRequest } from "./subscriptions.ts";

const PREFIX = "/api/v1/";
/** Streams at once; each costs a view a second. */
const MAX_STREAMS = 200;
const PORTS = { min: 1, max: 65_535 };
const TIMES = { min: 0, max: 8_640_000_000_000_000 };
const STEPS = { min: 1000, max: 7 * 24 * 3_600_000 };

const log = logFor("observe", "api");

/** What one path answers: a view, and how it is followed where it can be. */
interface Answer {
  readonly view: () => unknown;
  readonly follow?: ViewRequest;
}

/**
 * The API of views.ts, without /about and /controls. Undefined for paths that are not its own; never rejects. Access is the caller's
 * to decide before it asks here.
 */
export function observerApi(
  observer: Observer,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): (request: Request) => Promise<Response | undefined> {
  let streams = 0;
  const stream = (request: ViewRequest): Response => {
    if (streams >= MAX_STREAMS)
      throw new IsthmusError("UNREACHABLE", `${MAX_STREAMS} views are followed already`, {
        hint: "Close some, or ask without following",
      });
    const response = eventStream((fn) => observer.subscribe(request, fn), {
      every: (periodMs, fn) => clock.every(periodMs, fn),
      onEnd: () => {
        streams--;
      },
    });
    streams++;
    return response;
  };
  return async (request) => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(PREFIX)) return undefined;
    try {
      const answer = route(observer, url);
      if (answer === undefined) return undefined;
      if (request.method !== "GET" && request.method !== "HEAD")
        return errorResponse(new IsthmusError("USAGE", "Views are only read: use GET"), 405);
      const follows = request.headers.get("accept")?.includes("text/event-stream") === true;
      if (follows && answer.follow !== undefined) return stream(answer.follow);
      return Response.json(await answer.view(), { headers: { "cache-control": "no-store" } });
    } catch (error) {
      return errorResponse(error);
    }
  };
}

/** Throws INVALID. */
function route(observer: Observer, url: URL): Answer | undefined {
  const parts = url.pathname.slice(PREFIX.length).split("/").map(decode);
  const [what, namespace, name, more, ...rest] = parts;
  const query = new Query(url.searchParams);
  if (parts.length === 1) return whole(observer, { what, query });
  if (what === "sites" && namespace !== undefined && parts.length === 2) {
    query.end();
    return { view: () => observer.site(namespace) };
  }
  if (what !== "services" || namespace === undefined || name === undefined || rest.length > 0)
    return undefined;
  return ofService(observer, { service: `${namespace}/${name}`, more, query });
}

function whole(
  observer: Observer,
  { what, query }: { readonly what: string | undefined; readonly query: Query },
): Answer | undefined {
  switch (what) {
    case "network":
      query.end();
      return { view: () => observer.network(), follow: { view: "network" } };
    case "services":
      query.end();
      return { view: () => observer.services(), follow: { view: "services" } };
    case "flows": {
      const filter = flowFilter(query);
      query.end();
      return { view: () => observer.flows(filter), follow: { view: "flows", filter } };
    }
    case "activity": {
      const asked = activityQuery(query);
      query.end();
      return { view: () => observer.activity(asked), follow: { view: "activity", query: asked } };
    }
    default:
      return undefined;
  }
}

function ofService(
  observer: Observer,
  {
    service,
    more,
    query,
  }: { readonly service: string; readonly more: string | undefined; readonly query: Query },
): Answer | undefined {
  if (more === "history") {
    const asked = defined({
      fromMs: query.integer("from", TIMES),
      toMs: query.integer("to", TIMES),
      stepMs: query.integer("step", STEPS),
    });
    query.end();
    if (asked.fromMs !== undefined && asked.toMs !== undefined && asked.fromMs >= asked.toMs)
      throw new IsthmusError("INVALID", 'Cannot use the query\'s "from": expected a time before "to"');
    return { view: () => observer.history(service, asked) };
  }
  const port = query.integer("port", PORTS);
  const ofPort = port === undefined ? {} : { port };
  if (more === "explain") {
    const site = query.text("site");
    query.end();
    return { view: () => observer.explain(service, { ...ofPort, ...(site === undefined ? {} : { site }) }) };
  }
  if (more !== undefined) return undefined;
  query.end();
  return { view: () => observer.service(service, ofPort), follow: { view: "service", service, ...ofPort } };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new IsthmusError("INVALID", `Cannot read the path's "${part.slice(0, 60)}"`);
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  INVALID: 400,
  DENIED: 403,
  NOT_FOUND: 404,
  UNREACHABLE: 503,
  UNTRUSTED: 502,
  PROTOCOL: 502,
  TIMEOUT: 504,
};

function errorResponse(error: unknown, status?: number): Response {
  const known = error instanceof IsthmusError ? error : undefined;
  if (known === undefined) log.error("A view failed", { reason: messageOf(error) });
  const { code = "INTERNAL", message = "The view could not be made", hint } = known ?? {};
  return Response.json(
    { error: { code, message, ...(hint === undefined ? {} : { hint }) } },
    { status: status ?? STATUS[code] ?? 500, headers: { "cache-control": "no-store" } },
  );
}

import type { FlowFilter, FlowView } from "../views.ts";

/** What flows of one kind have in common: the parts that are stored once for all of them. */
export type FlowShape = Pick<
  FlowView,
  | "service"
  | "port"
  | "protocol"
  | "destinationSiteId"
  | "destinationSite"
  | "path"
  | "endpoint"
  | "endpointName"
  | "sourceSiteId"
  | "sourceSite"
  | "router"
>;

/** Whether the parts of a filter that are about the shape hold. */
export function shapeMatches(flow: FlowShape, filter: FlowFilter): boolean {
  const { service, source, destination, endpoint, protocol } = filter;
  return (
    (service === undefined || flow.service === service) &&
    (protocol === undefined || flow.protocol === protocol) &&
    (source === undefined || flow.sourceSite === source || flow.sourceSiteId === source) &&
    (destination === undefined ||
      flow.destinationSite === destination ||
      flow.destinationSiteId === destination) &&
    (endpoint === undefined || flow.endpointName === endpoint || flow.endpoint === endpoint)
  );
}

/** Whether a flow is what a filter asks for; `before` and `limit` aside. */
export function flowMatches(flow: FlowView, filter: FlowFilter): boolean {
  const { client, outcome, status, method, path, minDurationMs } = filter;
  const [low, high] = statusRange(status);
  return (
    shapeMatches(flow, filter) &&
    (client === undefined || flow.client === client) &&
    (outcome === undefined || flow.outcome === outcome) &&
    (status === undefined ||
      (flow.http !== undefined && flow.http.status >= low && flow.http.status <= high)) &&
    (method === undefined || flow.http?.method === method) &&
    (path === undefined || flow.http?.path.startsWith(path) === true) &&
    (minDurationMs === undefined || flow.durationMs >= minDurationMs)
  );
}

/** "503" or "5xx" as the statuses from and to. */
export function statusRange(status: string | undefined): [number, number] {
  if (status === undefined) return [0, 999];
  if (status.endsWith("xx")) return [Number(status[0]) * 100, Number(status[0]) * 100 + 99];
  return [Number(status), Number(status)];
}

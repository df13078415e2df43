import type { H2Counters } from "#http/h2/counters.ts";
import type { HttpCounters } from "../http/counters.ts";
import type { Page } from "./page.ts";

export interface HttpSource {
  readonly http: HttpCounters;
  readonly http2: H2Counters;
  /** Connections to endpoints that HTTP requests share. */
  readonly pools: { readonly http1: number; readonly http2: number };
}

/** What HTTP engines count beside requests. */
export function pageHttp(page: Page, { http, http2, pools }: HttpSource): void {
  page.counter("isthmus_router_http_retries_over_budget_total", "Retries that the budget did not allow", [
    [{}, http.retriesOverBudget],
  ]);
  page.counter("isthmus_router_http_upgrades_total", "Connections that became WebSockets", [
    [{}, http.upgrades],
  ]);
  page.counter(
    "isthmus_router_http_refused_total",
    "Requests refused and connections closed, by reason",
    [...http.refused].map(([reason, count]) => [{ reason }, count]),
  );
  page.counter(
    "isthmus_router_http2_faults_total",
    "What HTTP/2 peers did that ended a stream or a connection, by reason",
    Object.entries(http2).map(([reason, count]: [string, number]) => [{ reason }, count]),
  );
  page.counter("isthmus_router_http_upstream_connections_total", "Connections to endpoints for HTTP", [
    [{}, http.upstreamConnections],
  ]);
  page.counter("isthmus_router_http_upstream_reused_total", "Requests on a connection that was there", [
    [{}, http.upstreamReused],
  ]);
  page.gauge("isthmus_router_http_pool_connections", "Connections to endpoints that are kept, by version", [
    [{ version: "1" }, pools.http1],
    [{ version: "2" }, pools.http2],
  ]);
}

import type { InformerStats } from "#controller/informer.ts";
import type { ReconcilerStats } from "#controller/reconciler.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { VERSION } from "#core/version.ts";
import { controllerMetrics, type RequestCounts } from "./controller-metrics.ts";

/** What a controller shows of itself. */
export interface ControllerStats {
  /** All that is watched was read once. */
  readonly synced: boolean;
  readonly leading: boolean;
  /** Who holds the lease, as last seen. */
  readonly leader: string | undefined;
  /** Routers that are connected here. */
  readonly routers: number;
  /** Of the routers' configuration. */
  readonly generation: number;
  readonly loops: readonly ReconcilerStats[];
  readonly caches: readonly (InformerStats & { readonly resource: string; readonly stale: boolean })[];
}

export interface ControllerAdminOptions {
  readonly hostname: string;
  readonly port: number;
  readonly stats: () => ControllerStats;
  readonly requests: RequestCounts;
}

export interface ControllerAdmin {
  readonly port: number;
  stop(): void;
}

const log = logFor("site", "admin");

/**
 * Read-only HTTP for people, probes and Prometheus. It shows names of kinds and counts, never objects.
 *
 *     /healthz   the process answers      /readyz     all that is watched was read once
 *     /metrics   Prometheus text          /v1/state   version, who leads, loops and caches
 *
 * A controller works on without it: an address that cannot be had is logged, and undefined is returned.
 */
export function startControllerAdmin(options: ControllerAdminOptions): ControllerAdmin | undefined {
  const { hostname, port } = options;
  try {
    const server = Bun.serve({
      hostname,
      port,
      development: false,
      // Else two processes share the port, and a request comes to either.
      reusePort: false,
      fetch: (request) => answer(request, options),
    });
    return { port: server.port ?? 0, stop: () => void server.stop(true) };
  } catch (error) {
    log.error("No metrics: cannot listen", { hostname, port, error: messageOf(error) });
    return undefined;
  }
}

function answer(request: Request, { stats, requests }: ControllerAdminOptions): Response {
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response("Only GET\n", { status: 405 });
  switch (new URL(request.url).pathname) {
    case "/healthz":
      return new Response("ok\n");
    case "/readyz":
      return stats().synced ? new Response("ok\n") : new Response("not ready\n", { status: 503 });
    case "/metrics":
      return new Response(controllerMetrics(stats(), requests), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      });
    case "/v1/state":
      return Response.json({ version: VERSION, ...stats() });
    default:
      return new Response("Not found: /healthz /readyz /metrics /v1/state\n", { status: 404 });
  }
}

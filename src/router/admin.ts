import { IsthmusError } from "#core/errors.ts";
import { resolveAddress } from "./config.ts";
import type { FlowTable } from "./flow/flow-table.ts";
import { answerOf, type Telltale } from "./observe/answer.ts";
import type { Answer } from "./observe/over-links/protocol.ts";
import type { RouterCore } from "./router-core.ts";
import type { RouterState } from "./state.ts";
import { listenTcp } from "./serving/tcp-listener.ts";

/** /v1/streams shows so many at most, and says how many there are. */
const MAX_STREAMS = 1000;

/** Site ids need no escapes. */
const ELSEWHERE = /^\/v1\/sites\/([A-Za-z0-9._:-]{1,120})(\/v1\/(?:observe|explain))$/;

/** What the admin endpoint shows of a router. */
export interface Shown extends Telltale {
  readonly ready: boolean;
  readonly flows: FlowTable;
  state(): RouterState;
  metrics(): string;
  ask(siteId: string, path: string, signal: AbortSignal): Promise<Answer>;
}

export interface AdminOptions {
  readonly router: Shown;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Read-only HTTP for people, probes and Prometheus. It shows no secrets, but who talks to whom: keep it on loopback or
 * behind something.
 *
 *     /healthz     the process answers           /readyz      it takes connections (503 while draining)
 *     /metrics     Prometheus text               /v1/state    RouterState
 *     /v1/routes   sites, paths, and for each service who has a share and who not, and why
 *     /v1/streams  flows with their bytes
 *     /v1/observe  what happened since the asker's cursor (observe/observation.ts)
 *     /v1/explain  how the new work of one service's port is divided, and why (explain-answer.ts)
 *     /v1/sites/<site id>/v1/observe, …/v1/explain  the same of a router of another site, over the links
 */
export class Admin {
  readonly listen: string;
  readonly #server: Bun.Server<undefined>;

  /** Throws ADDRESS_IN_USE. */
  constructor(listen: string, { router, env }: AdminOptions) {
    const at = resolveAddress(listen, env);
    if (at === undefined)
      throw new IsthmusError("INVALID", `Cannot listen on "${listen}": POD_IP is not set`);
    this.listen = listen;
    this.#server = listenTcp(at, {
      for: "admin",
      listen: () =>
        Bun.serve({
          ...at,
          development: false,
          reusePort: false,
          fetch: (request) => answer(request, router),
        }),
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  stop(): void {
    void this.#server.stop(true);
  }
}

async function answer(request: Request, router: Shown): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response("Only GET\n", { status: 405 });
  const url = new URL(request.url);
  const { pathname, search } = url;
  const elsewhere = ELSEWHERE.exec(pathname);
  if (elsewhere !== null) {
    const [, site = "", path = ""] = elsewhere;
    return responseOf(await router.ask(site, `${path}${search}`, request.signal));
  }
  switch (pathname) {
    case "/healthz":
      return new Response("ok\n");
    case "/readyz":
      return router.ready ? new Response("ok\n") : new Response("draining\n", { status: 503 });
    case "/metrics":
      return new Response(router.metrics(), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      });
    case "/v1/state":
      return Response.json(router.state());
    case "/v1/routes":
      return Response.json(routesOf(router.core()));
    case "/v1/streams":
      return Response.json(streamsOf(router.flows));
    case "/v1/observe":
    case "/v1/explain":
      return responseOf(answerOf(url, router));
    default:
      return new Response(
        "Not found: /healthz /readyz /metrics /v1/state /v1/routes /v1/streams /v1/explain /v1/observe\n",
        {
          status: 404,
        },
      );
  }
}

/** JSON where it is an answer, a line for people where it is not. */
function responseOf({ status, body }: Answer): Response {
  const type = status === 200 ? "application/json" : "text/plain; charset=utf-8";
  return new Response(body, { status, headers: { "content-type": type } });
}

function routesOf({ self, network, services, database }: RouterCore): object {
  return {
    self,
    routers: [...database].map(({ key, epoch, seq, facts, unreachableSinceMs }) => ({
      router: key,
      epoch,
      seq,
      generation: facts.generation,
      reachable: unreachableSinceMs === undefined,
      links: facts.links,
    })),
    sites: [...network.sites.values()].map(({ siteId, facts, cost, nextHops }) => ({
      site: siteId,
      name: facts.name,
      reachable: cost !== undefined,
      cost,
      nextHops: nextHops.map(({ name, remote }) => ({
        link: name,
        site: remote.siteId,
        router: remote.routerId,
      })),
    })),
    services: [...services.entries()].flatMap(({ service, balancers }) =>
      [...balancers].map(([port, { policy, candidates, excluded }]) => ({
        service,
        port,
        ...policy,
        endpoints: candidates.map(({ endpoint, weight, cost }) => ({
          endpoint: endpoint.wireId,
          name: endpoint.facts.name,
          weight,
          cost,
          inFlight: endpoint.inFlight,
          picked: endpoint.picked,
        })),
        excluded: excluded.map(({ endpoint, why }) => ({
          endpoint: endpoint.wireId,
          name: endpoint.facts.name,
          why,
        })),
      })),
    ),
  };
}

function streamsOf(flows: FlowTable): object {
  const streams: object[] = [];
  for (const { facts, target, near, far } of flows) {
    if (streams.length === MAX_STREAMS) break;
    streams.push({
      kind: facts.kind,
      service: facts.service,
      port: facts.port,
      client: facts.client,
      endpoint: target,
      started: new Date(facts.startedMs).toISOString(),
      bytesToEndpoint: near?.received ?? 0,
      bytesToClient: far?.received ?? 0,
      heldBytes: (near?.held ?? 0) + (far?.held ?? 0),
    });
  }
  return { total: flows.size, streams };
}

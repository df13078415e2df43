import { type Clock, systemClock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { Authorizer } from "./auth/authorizer.ts";
import { ensureBasics } from "./basics.ts";
import { builtinResources } from "./builtin.ts";
import { type AdmissionHook, ApiError, type ClusterApi, type NodeApi, type UserInfo } from "./cluster-api.ts";
import { refusal } from "./http/answer.ts";
import { BODY_LIMIT_BYTES } from "./http/body.ts";
import type { ServerContext, SocketSession } from "./http/context.ts";
import { OpenApi } from "./http/openapi.ts";
import { Router } from "./http/router.ts";
import { Tokens } from "./http/tokens.ts";
import { inProcessApi } from "./in-process-api.ts";
import { Collector } from "./objects/collector.ts";
import { followDefinitions } from "./objects/definitions.ts";
import { expireEvents } from "./objects/event-expiry.ts";
import { Objects } from "./objects/objects.ts";
import { ResourceRegistry } from "./resources.ts";
import { Store } from "./store/store.ts";

const log = logFor("sandbox", "apiserver");

/** One message of a WebSocket, and what a client may leave unread before it is let go. */
const SOCKET_MESSAGE_BYTES = 4 * 1024 * 1024;
const SOCKET_WAITING_BYTES = 16 * 1024 * 1024;

export interface ApiServerOptions {
  hostname: string;
  /** 0 = any free port. */
  port: number;
  /** PEM. */
  tls: { certificate: string; key: string };
  /** File of the database; ":memory:" for one that is forgotten. */
  store: string;
  /** Bearer token -> who it speaks for. The group system:masters may do everything. */
  tokens: Readonly<Record<string, UserInfo>>;
  node: NodeApi;
  admission?: readonly AdmissionHook[];
  clock?: Clock;
  /** Revisions that a watch can go back to. [10000] */
  keptRevisions?: number;
}

export interface ApiServer {
  readonly api: ClusterApi;
  readonly port: number;
  /** Ends watches and connections and closes the database. */
  close(): Promise<void>;
}

/**
 * Starts the API of one cluster. Throws what the listener throws when the address is taken, before anything of the
 * database is touched by controllers.
 */
export function startApiServer(options: ApiServerOptions): ApiServer {
  const clock = options.clock ?? systemClock;
  const { definitions, resources } = builtinResources();
  const registry = new ResourceRegistry();
  for (const resource of resources) registry.add(resource);
  const store = new Store({
    path: options.store,
    ...(options.keptRevisions === undefined ? {} : { keptRevisions: options.keptRevisions }),
  });
  const objects = new Objects({ store, clock, admission: options.admission ?? [] });
  followDefinitions(store, { registry, definitions });
  const api = inProcessApi(objects, registry);
  objects.api = api;
  const tokens = new Tokens({ store, clock, fixed: options.tokens });
  const context: ServerContext = {
    objects,
    registry,
    definitions,
    clock,
    node: options.node,
    api,
    tokens,
    openStreams: new Set(),
    execs: new Set(),
  };
  const router = new Router(context, {
    openApi: new OpenApi(registry, definitions),
    authorizer: new Authorizer(store),
  });

  let server: Bun.Server<SocketSession>;
  try {
    server = Bun.serve<SocketSession>({
      hostname: options.hostname,
      port: options.port,
      tls: { cert: options.tls.certificate, key: options.tls.key },
      maxRequestBodySize: BODY_LIMIT_BYTES + 1024,
      idleTimeout: 60,
      async fetch(request, self) {
        try {
          return await router.answer(request, {
            setIdle: (seconds) => self.timeout(request, seconds),
            upgrade: (session, protocol) =>
              self.upgrade(request, { data: session, headers: { "sec-websocket-protocol": protocol } }),
          });
        } catch (error) {
          if (error instanceof ApiError) return refusal(error);
          log.error("A request failed", { url: request.url, error: messageOf(error) });
          return refusal(new ApiError(500, "InternalError", `Internal error occurred: ${messageOf(error)}`));
        }
      },
      websocket: {
        open: (socket) => socket.data.open(socket),
        message: ({ data }, message) =>
          data.message(typeof message === "string" ? Buffer.from(message) : message),
        drain: ({ data }) => data.drain(),
        close: ({ data }) => data.close(),
        // Quiet sessions are normal; who has gone is noticed by the pings.
        idleTimeout: 120,
        sendPings: true,
        maxPayloadLength: SOCKET_MESSAGE_BYTES,
        backpressureLimit: SOCKET_WAITING_BYTES,
        closeOnBackpressureLimit: true,
      },
      error: (error) => refusal(new ApiError(500, "InternalError", messageOf(error))),
    });
  } catch (error) {
    store.close();
    throw error;
  }
  ensureBasics(objects, registry);
  const stopCollector = new Collector(objects, registry).start();
  const stopExpiry = expireEvents(objects, { registry, clock });
  return {
    api,
    port: server.port ?? options.port,
    async close() {
      for (const end of Array.from(context.openStreams)) end();
      stopExpiry();
      stopCollector();
      await server.stop(true);
      store.close();
    },
  };
}

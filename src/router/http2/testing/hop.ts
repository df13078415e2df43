import type { TCPSocketListener } from "bun";
import { systemClock, type Clock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import { ConnectQueue } from "../../flow/connect-queue.ts";
import { ServiceStats } from "../../counters.ts";
import { Dialer } from "../../dial.ts";
import { Endpoint } from "../../endpoint.ts";
import { Flow } from "../../flow/flow.ts";
import type { HttpContext, RouteMatch, Routes } from "../../http/context.ts";
import { FlowLog } from "../../observe/flow-log.ts";
import { HttpCounters } from "../../http/counters.ts";
import type { Route } from "../../flow/opening.ts";
import { RetryBudget } from "../../retry-budget.ts";
import { Balancer } from "../../selection/balancer.ts";
import { selectionOf } from "../../selection/policy.ts";
import type { ConnectPolicy } from "../../service-table.ts";
import { SOCKET_HANDLERS, SocketEnd } from "../../flow/socket-end.ts";
import type { StreamEnd } from "../../flow/stream-end.ts";
import { Http2Connection } from "../connection.ts";
import { Http2Pools } from "../pools.ts";

export interface HopPod {
  readonly port: number;
  readonly ready?: boolean;
  readonly name?: string;
}

export interface HopOptions {
  readonly policy?: Partial<ConnectPolicy>;
  readonly selection?: Parameters<typeof selectionOf>[0];
  /** Set: paths that lead to the service, instead of all. */
  readonly find?: (path: string, route: Route) => RouteMatch | undefined;
  /** The clock of all of it. */
  readonly clock?: Clock;
  readonly openRemote?: (endpoint: Endpoint, options: { end: StreamEnd }) => boolean;
}

const SERVICE_PORT = 8080;
const SITE = "site-a";

/** One router hop for HTTP/2 alone: a listening socket, the engine, pods on loopback. For tests. */
export class Hop implements Disposable {
  readonly pools: Http2Pools;
  readonly context: HttpContext;
  readonly route: Route;
  readonly connections = new Set<Http2Connection>();
  readonly flows = new Set<Flow>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #connects: ConnectQueue;
  readonly #listener: TCPSocketListener<SocketEnd>;
  readonly #selection;
  readonly #routes: Routes;

  constructor(pods: readonly HopPod[], options: HopOptions = {}) {
    const { clock = systemClock } = options;
    this.#connects = new ConnectQueue(clock);
    this.context = {
      clock,
      random: systemRandom,
      dialer: new Dialer({
        connects: this.#connects,
        openRemote: (endpoint, { end }) => options.openRemote?.(endpoint, { end }) ?? false,
      }),
      counters: new HttpCounters(),
      flows: new FlowLog({ clock, random: systemRandom }),
      via: undefined,
    };
    this.pools = new Http2Pools({ context: this.context });
    this.#selection = selectionOf(options.selection ?? {}, {
      http: true,
      self: { siteId: SITE, name: SITE },
    });
    const route: Route = {
      service: "default/app",
      port: SERVICE_PORT,
      balancer: new Balancer({ clock, random: systemRandom }),
      stats: new ServiceStats("default/app", SERVICE_PORT),
      policy: {
        attempts: 2,
        connectMs: 1000,
        idleMs: 300_000,
        requestMs: 0,
        httpIdleMs: 60_000,
        retryBudget: new RetryBudget(clock, 20),
        ...options.policy,
      },
    };
    this.route = route;
    const { find } = options;
    this.#routes =
      find === undefined
        ? { find: () => ({ route, stripBytes: 0 }), only: route }
        : { find: (path) => find(path, route), only: undefined };
    this.setPods(pods);
    this.#listener = Bun.listen<SocketEnd>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: { ...SOCKET_HANDLERS, open: (socket) => this.#accepted(socket) },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get authority(): string {
    return `127.0.0.1:${this.port}`;
  }

  get endpoints(): Endpoint[] {
    return [...this.#endpoints.values()];
  }

  setPods(pods: readonly HopPod[]): void {
    const offers = pods.map(({ port, ready, name = `pod-${port}` }) => {
      const facts = {
        name,
        ready: ready ?? true,
        weight: 1,
        ports: new Map([[SERVICE_PORT, port]]),
        host: "127.0.0.1",
      };
      let endpoint = this.#endpoints.get(name);
      if (endpoint === undefined) {
        endpoint = new Endpoint(SITE, name, facts);
        this.#endpoints.set(name, endpoint);
      } else endpoint.facts = facts;
      return { endpoint, cost: 0, cluster: SITE, local: true };
    });
    this.route.balancer.update(offers, this.#selection);
  }

  drain(): void {
    this.#listener.stop();
    for (const connection of this.connections) connection.drain();
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.pools.close();
    this.#connects.stop();
  }

  #accepted(socket: Bun.Socket<SocketEnd>): void {
    const client = new SocketEnd();
    socket.data = client;
    client.attach(socket);
    const flow = new Flow({
      kind: "client",
      service: this.route.service,
      port: SERVICE_PORT,
      client: `${socket.remoteAddress}:${socket.remotePort}`,
      idleMs: 86_400_000,
      startedMs: 0,
    });
    flow.near = client;
    client.flow = flow;
    const connection = new Http2Connection({
      client,
      flow,
      routes: this.#routes,
      context: this.context,
      facts: { address: socket.remoteAddress, port: socket.remotePort, scheme: "http" },
      pools: this.pools,
    });
    this.connections.add(connection);
    this.flows.add(flow);
    flow.onClosed = () => {
      this.flows.delete(flow);
      this.connections.delete(connection);
    };
    connection.start();
  }
}

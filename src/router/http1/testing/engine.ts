import type { TCPSocketListener } from "bun";
import { systemClock, type Clock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import { LinkPair } from "#link/testing/link-pair.ts";
import type { RouterConfig } from "../../config.ts";
import { ConnectQueue } from "../../flow/connect-queue.ts";
import { RouterCounters, ServiceStats } from "../../counters.ts";
import { Dialer, type DialOptions, type Upstream } from "../../dial.ts";
import { Flow } from "../../flow/flow.ts";
import type { HttpContext, Routes } from "../../http/context.ts";
import { HttpCounters } from "../../http/counters.ts";
import { Inbound } from "../../flow/inbound.ts";
import type { Network } from "../../network/network.ts";
import type { Route } from "../../flow/opening.ts";
import { ServiceTable, type Offers } from "../../service-table.ts";
import { FlowLog } from "../../observe/flow-log.ts";
import { SOCKET_HANDLERS, SocketEnd, type EndSocket } from "../../flow/socket-end.ts";
import { TestClient } from "../../testing/client.ts";
import { listener, SERVICE, service } from "../../testing/routers.ts";
import { Http1Connection } from "../connection.ts";
import { Http1Pools } from "../pools.ts";
import { RawPod, type RawPodOptions } from "./raw-pod.ts";

type Policy = Omit<NonNullable<RouterConfig["policies"]>[number], "service">;

export interface EngineOptions {
  readonly ports: readonly number[];
  /** The pods are in another site, behind a link in memory. */
  readonly remote?: boolean;
  readonly policy?: Policy;
  readonly clock?: Clock;
  readonly routes?: (route: Route) => Routes;
  /** False: packets to this port of a pod are lost. */
  readonly connectsTo?: (port: number) => boolean;
}

type OpenRemote = ConstructorParameters<typeof Dialer>[0]["openRemote"];

function notLinked(): boolean {
  return false;
}

/** A dialler whose connects to some ports get no answer. */
class LossyDialer extends Dialer {
  connectsTo: (port: number) => boolean = () => true;

  override dial(upstream: Upstream, options: DialOptions): void {
    const port = options.endpoint.facts.ports.get(options.target.port) ?? 0;
    if (this.connectsTo(port)) super.dial(upstream, options);
    else setTimeout(() => upstream.onDialFailed("ETIMEDOUT"), options.timeoutMs);
  }
}

const NO_OFFERS: Offers = { offering: () => [], sites: new Map() };

/** A listener with the HTTP/1.1 engine behind it and nothing else of a router. For tests. */
export class Engine implements Disposable {
  readonly pools: Http1Pools;
  readonly counters = new HttpCounters();
  readonly log: FlowLog;
  readonly connections: Http1Connection[] = [];
  readonly flows = new Set<Flow>();
  readonly route: Route;
  readonly services: ServiceTable;
  readonly connects: ConnectQueue;
  readonly #listener: TCPSocketListener<SocketEnd>;
  readonly #stops: (() => void)[] = [];

  constructor(options: EngineOptions) {
    const clock = options.clock ?? systemClock;
    this.log = new FlowLog({ clock, random: systemRandom });
    const pods = service(options.ports.map((port) => ({ port })));
    this.connects = new ConnectQueue(clock);
    let offers = NO_OFFERS;
    let openRemote: OpenRemote = notLinked;
    if (options.remote === true) {
      const pair = this.#far(clock, options.ports);
      offers = {
        sites: new Map([["far", { facts: { name: "far" }, cost: 1 }]]),
        offering: () => [
          {
            siteId: "far",
            cost: 1,
            service: {
              service: SERVICE,
              ports: [{ port: 8080, protocol: "TCP" }],
              endpoints: pods.endpoints.map(({ id, name, ready }) => ({ id, name, ready, weight: 1 })),
            },
          },
        ],
      };
      openRemote = (endpoint, { target, end }) => {
        const { service: name, port, client } = target;
        const open = { service: name, port, endpoint: endpoint.wireId, client, trace: "" };
        end.attach(pair.near.link.open({ ...open, protocol: "tcp", hops: ["near"] }, end));
        return true;
      };
    }
    this.services = new ServiceTable("near", offers, { clock, random: systemRandom });
    this.services.configure({
      site: { id: "near", name: "near" },
      listeners: [listener()],
      services: options.remote === true ? [] : [pods],
      policies: options.policy === undefined ? [] : [{ service: SERVICE, ...options.policy }],
    });
    this.route = {
      service: SERVICE,
      port: 8080,
      balancer: this.services.balancer(SERVICE, { port: 8080, http: true }),
      stats: new ServiceStats(SERVICE, 8080),
      policy: this.services.connectPolicy(SERVICE),
    };
    const routes = options.routes?.(this.route) ?? { only: this.route, find: () => undefined };
    const dialer = new LossyDialer({ connects: this.connects, openRemote });
    if (options.connectsTo !== undefined) dialer.connectsTo = options.connectsTo;
    const context: HttpContext = {
      clock,
      random: systemRandom,
      dialer,
      counters: this.counters,
      flows: this.log,
      via: undefined,
    };
    this.pools = new Http1Pools({ context });
    this.#listener = Bun.listen<SocketEnd>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: { ...SOCKET_HANDLERS, open: (socket) => this.#accept(socket, { routes, context }) },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    for (const flow of this.flows) flow.kill("RESET_BY_PEER", "Test ends");
    this.pools.close();
    this.connects.stop();
    for (const stop of this.#stops.splice(0)) stop();
  }

  defer(stop: () => void): void {
    this.#stops.push(stop);
  }

  async client(): Promise<TestClient> {
    const client = await TestClient.connect(this.port);
    this.defer(() => client.reset());
    return client;
  }

  /** Sum of requests in flight, as the balancer sees them. */
  get inFlight(): number {
    let sum = 0;
    for (const { endpoint } of this.route.balancer.members) sum += endpoint.inFlight;
    return sum;
  }

  #far(clock: Clock, ports: readonly number[]): LinkPair {
    const pair = new LinkPair();
    const services = new ServiceTable("far", NO_OFFERS, { clock, random: systemRandom });
    services.configure({
      site: { id: "far", name: "far" },
      services: [service(ports.map((port) => ({ port })))],
    });
    const inbound = new Inbound({
      siteId: "far",
      services,
      network: {} as unknown as Network,
      connects: this.connects,
      counters: new RouterCounters(),
      onAsk: (stream) => stream.reset("DENIED"),
      clock,
      admit: () => true,
    });
    pair.far.onAccept = ({ stream }) => inbound.accept(stream, pair.far.link);
    const timer = setInterval(() => pair.settle(), 1);
    this.defer(() => clearInterval(timer));
    return pair;
  }

  #accept(socket: EndSocket, { routes, context }: { routes: Routes; context: HttpContext }): void {
    const client = new SocketEnd();
    socket.data = client;
    client.attach(socket);
    const flow = new Flow({
      kind: "client",
      service: SERVICE,
      port: 8080,
      client: `${socket.remoteAddress}:${socket.remotePort}`,
      idleMs: 86_400_000,
      startedMs: 0,
    });
    flow.near = client;
    client.flow = flow;
    this.flows.add(flow);
    flow.onClosed = () => {
      this.flows.delete(flow);
      if (flow.endpoint !== undefined) flow.endpoint.inFlight--;
    };
    const facts = { address: socket.remoteAddress, port: socket.remotePort, scheme: "http" } as const;
    const connection = new Http1Connection({ client, flow, routes, context, facts, pools: this.pools });
    this.connections.push(connection);
    connection.start();
  }
}

/** Pods and an engine before them, stopped together. */
export class EngineRig implements Disposable {
  readonly pods: RawPod[] = [];
  readonly engine: Engine;

  constructor(pods: readonly (RawPod | RawPodOptions)[], options: Partial<EngineOptions> = {}) {
    this.pods = pods.map((pod) => (pod instanceof RawPod ? pod : new RawPod(pod)));
    this.engine = new Engine({ ports: this.pods.map((pod) => pod.port), ...options });
  }

  [Symbol.dispose](): void {
    this.engine[Symbol.dispose]();
    for (const pod of this.pods) pod.stop();
  }
}

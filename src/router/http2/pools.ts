import { H2Counters } from "#http/h2/counters.ts";
import type { Endpoint } from "../endpoint.ts";
import type { HttpContext } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";
import { EndOfTurn } from "./end-of-turn.ts";
import { EndpointConnections } from "./endpoint-connections.ts";
import { Http2Upstream, type UpstreamOwner } from "./upstream.ts";

/** Deadlines of requests are kept within this, ms. */
const LOOK_MS = 50;
/** Connections are looked at each so many looks. */
const LOOKS_PER_TICK = 5;

/** Who asks for a connection to an endpoint; the first one is named in records. */
export interface Asker {
  readonly route: Route;
  /** Address and port. */
  readonly client: string;
}

/** What the coarse timer looks at from time to time. */
export interface Ticking {
  tick(nowMs: number): void;
}

/** A request with a deadline. */
export interface Timed {
  deadlineMs: number;
  timeUp(): void;
}

/**
 * Connections to endpoints that speak HTTP/2, of all clients together, and the one coarse timer of all HTTP/2 connections;
 * it runs only while there are any.
 */
export class Http2Pools {
  /** What HTTP/2 peers did wrong, clients and pods together. */
  readonly counters = new H2Counters();
  /** When the output of all HTTP/2 connections leaves. */
  readonly endOfTurn: EndOfTurn;
  readonly #context: HttpContext;
  readonly #connections = new Map<Endpoint, EndpointConnections[]>();
  readonly #clients = new Set<Ticking>();
  readonly #timed = new Set<Timed>();
  #stopTimer: (() => void) | undefined;
  #looks = 0;

  constructor({ context }: { readonly context: HttpContext }) {
    this.#context = context;
    this.endOfTurn = new EndOfTurn(context.clock);
  }

  /** Connections to endpoints that are open or being made. */
  get size(): number {
    let size = 0;
    for (const ports of this.#connections.values()) for (const one of ports) size += one.size;
    return size;
  }

  /** The connections to an endpoint's port, none yet perhaps. */
  connectionsTo(endpoint: Endpoint, { route, client }: Asker): EndpointConnections {
    let ports = this.#connections.get(endpoint);
    if (ports === undefined) {
      ports = [];
      this.#connections.set(endpoint, ports);
      this.#run();
    }
    for (const one of ports) if (one.port === route.port) return one;
    const { counters, dialer } = this.#context;
    const target = { service: route.service, port: route.port, client };
    const made = new EndpointConnections(
      {
        endpoint,
        target,
        make: (owner) => this.#make(owner),
        dial: (upstream, timeoutMs) => {
          counters.upstreamConnections++;
          dialer.dial(upstream, { endpoint, target, timeoutMs });
        },
      },
      route.policy,
    );
    ports.push(made);
    return made;
  }

  /** Takes over an open connection to an endpoint on which nothing was sent yet. */
  adopt(
    endpoint: Endpoint,
    { end, asker }: { readonly end: SocketEnd | StreamEnd; readonly asker: Asker },
  ): void {
    const connections = this.connectionsTo(endpoint, asker);
    const upstream = this.#make(connections);
    connections.add(upstream);
    this.#context.counters.upstreamConnections++;
    end.peer = upstream;
    upstream.onOpen(end);
  }

  /** Ends every connection to an endpoint now. */
  close(): void {
    for (const ports of this.#connections.values()) for (const one of ports) one.close();
    this.#connections.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** A client's connection: is looked at from time to time. */
  join(client: Ticking): void {
    this.#clients.add(client);
    this.#run();
  }

  leave(client: Ticking): void {
    this.#clients.delete(client);
  }

  /** Calls `timeUp` once the monotonic clock is past `deadlineMs`; one deadline each. */
  watch(timed: Timed, deadlineMs: number): void {
    timed.deadlineMs = deadlineMs;
    this.#timed.add(timed);
    this.#run();
  }

  unwatch(timed: Timed): void {
    timed.deadlineMs = 0;
    this.#timed.delete(timed);
  }

  #make(owner: UpstreamOwner): Http2Upstream {
    const { counters, endOfTurn } = this;
    return new Http2Upstream({ owner, clock: this.#context.clock, counters, soon: endOfTurn.plan });
  }

  #run(): void {
    this.#stopTimer ??= this.#context.clock.every(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const timed of this.#timed) {
      if (timed.deadlineMs > nowMs) continue;
      this.unwatch(timed);
      timed.timeUp();
    }
    if (++this.#looks % LOOKS_PER_TICK !== 0) return;
    for (const client of this.#clients) client.tick(nowMs);
    for (const [endpoint, ports] of this.#connections) {
      for (const one of ports) one.tick(nowMs);
      const used = ports.filter(({ unused }) => !unused);
      if (used.length === 0) this.#connections.delete(endpoint);
      else if (used.length < ports.length) this.#connections.set(endpoint, used);
    }
    if (this.#clients.size + this.#timed.size + this.#connections.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

import { H2Counters } from "#http/h2/counters.ts";
import type { DialFor } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import type { HttpContext } from "../http/context.ts";
import type { ConnectPolicy } from "../service-table.ts";
import type { SocketEnd } from "../socket-end.ts";
import type { StreamEnd } from "../stream-end.ts";
import { EndpointConnections } from "./endpoint-connections.ts";
import { Http2Upstream, type UpstreamOwner } from "./upstream.ts";

/** Deadlines of requests are kept within this, ms. */
const LOOK_MS = 50;
/** Connections are looked at each so many looks. */
const LOOKS_PER_TICK = 5;

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
  readonly #context: HttpContext;
  readonly #connections = new Map<Endpoint, EndpointConnections[]>();
  readonly #clients = new Set<Ticking>();
  readonly #timed = new Set<Timed>();
  #stopTimer: (() => void) | undefined;
  #looks = 0;

  constructor({ context }: { readonly context: HttpContext }) {
    this.#context = context;
  }

  /** Connections to endpoints that are open or being made. */
  get size(): number {
    let size = 0;
    for (const ports of this.#connections.values()) for (const one of ports) size += one.size;
    return size;
  }

  /** The connections to an endpoint's port, none yet perhaps. `target` names who asked first. */
  connectionsTo(
    endpoint: Endpoint,
    { target, policy }: { readonly target: DialFor; readonly policy: ConnectPolicy },
  ): EndpointConnections {
    let ports = this.#connections.get(endpoint);
    if (ports === undefined) {
      ports = [];
      this.#connections.set(endpoint, ports);
      this.#run();
    }
    for (const one of ports) if (one.port === target.port) return one;
    const { counters, dialer } = this.#context;
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
      policy,
    );
    ports.push(made);
    return made;
  }

  /** Takes over an open connection to an endpoint on which nothing was sent yet. */
  adopt(
    endpoint: Endpoint,
    {
      end,
      target,
      policy,
    }: {
      readonly end: SocketEnd | StreamEnd;
      readonly target: DialFor;
      readonly policy: ConnectPolicy;
    },
  ): void {
    const connections = this.connectionsTo(endpoint, { target, policy });
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
    return new Http2Upstream({ owner, clock: this.#context.clock, counters: this.counters });
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

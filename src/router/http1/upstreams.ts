import type { Dialer } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import type { HttpCounters } from "../http/counters.ts";
import type { Route } from "../opening.ts";
import type { SocketEnd } from "../socket-end.ts";
import type { StreamEnd } from "../stream-end.ts";
import { MAX_IDLE, MAX_IDLE_PER_ENDPOINT, UPSTREAM_IDLE_MS, UPSTREAM_LINGER_MS } from "./limits.ts";
import { Http1Upstream, type UpstreamHome, type UpstreamUser } from "./upstream.ts";

/** Idle connections to one endpoint and port; the one used last is at the end. */
interface Shelf {
  readonly port: number;
  readonly idle: Http1Upstream[];
}

/** The time of the last look at all connections: cheaper than the clock, and late by no more than a look. */
export interface CoarseTime {
  readonly nowMs: number;
}

/**
 * Connections to pods: makes them, and keeps those that nobody uses for the next request to the same endpoint and port.
 * The one used last goes first, so that no more are kept warm than are needed. One that brings a byte, a FIN or a reset
 * while nobody uses it is gone at once.
 */
export class Upstreams implements UpstreamHome {
  readonly #time: CoarseTime;
  readonly #dialer: Dialer;
  readonly #counters: HttpCounters;
  readonly #onBusy: () => void;
  readonly #shelves = new Map<Endpoint, Shelf[]>();
  #lingering: { readonly end: SocketEnd | StreamEnd; readonly atMs: number }[] = [];
  #size = 0;

  constructor(options: {
    readonly time: CoarseTime;
    readonly dialer: Dialer;
    readonly counters: HttpCounters;
    /** There is something that `look` has to see. */
    readonly onBusy: () => void;
  }) {
    this.#time = options.time;
    this.#dialer = options.dialer;
    this.#counters = options.counters;
    this.#onBusy = options.onBusy;
  }

  /** Idle connections. */
  get size(): number {
    return this.#size;
  }

  /** Nothing here changes with time. */
  get still(): boolean {
    return this.#size === 0 && this.#lingering.length === 0;
  }

  /** An idle connection to the endpoint, not idle any more; the caller sets its `user`. */
  take(endpoint: Endpoint, port: number): Http1Upstream | undefined {
    const idle = this.#shelf(endpoint, port)?.idle;
    if (idle === undefined) return undefined;
    for (let upstream = idle.pop(); upstream !== undefined; upstream = idle.pop()) {
      upstream.shelved = false;
      this.#size--;
      if (upstream.current) {
        this.#counters.upstreamReused++;
        return upstream;
      }
      upstream.close();
    }
    return undefined;
  }

  /** A new connection; `dial` begins it. */
  make(
    endpoint: Endpoint,
    { route, user }: { readonly route: Route; readonly user: UpstreamUser },
  ): Http1Upstream {
    return new Http1Upstream(endpoint, { route, user, home: this, nowMs: this.#time.nowMs });
  }

  /** The user is told when it is open; with a stream to another site that is before this returns. */
  dial(upstream: Http1Upstream, client: string): void {
    this.#counters.upstreamConnections++;
    const { endpoint, route } = upstream;
    const { service, port, policy } = route;
    this.#dialer.dial(upstream, {
      endpoint,
      target: { service, port, client },
      timeoutMs: policy.connectMs,
    });
  }

  /** Takes back a connection on which all that was asked has been answered. */
  put(upstream: Http1Upstream): void {
    upstream.user = undefined;
    upstream.idleSinceMs = this.#time.nowMs;
    const { idle } = this.#shelfFor(upstream.endpoint, upstream.route.port);
    if (this.#size >= MAX_IDLE || idle.length >= MAX_IDLE_PER_ENDPOINT) {
      upstream.close();
      return;
    }
    this.#size++;
    upstream.shelved = true;
    idle.push(upstream);
  }

  /** Takes an open connection on which nothing was asked yet. */
  adopt(
    endpoint: Endpoint,
    { route, end }: { readonly route: Route; readonly end: SocketEnd | StreamEnd },
  ): void {
    const nowMs = this.#time.nowMs;
    const upstream = new Http1Upstream(endpoint, { route, user: undefined, home: this, nowMs });
    end.peer = upstream;
    upstream.onOpen(end);
  }

  opened(upstream: Http1Upstream): void {
    this.#onBusy();
    this.put(upstream);
  }

  failed(upstream: Http1Upstream): void {
    const { route, endpoint, dialledMs } = upstream;
    route.balancer.report(endpoint, "connectFailed", this.#time.nowMs - dialledMs);
  }

  forget(upstream: Http1Upstream): void {
    if (!upstream.shelved) return;
    upstream.shelved = false;
    const idle = this.#shelf(upstream.endpoint, upstream.route.port)?.idle;
    const index = idle?.lastIndexOf(upstream) ?? -1;
    if (index < 0) return;
    idle?.splice(index, 1);
    this.#size--;
  }

  linger(end: SocketEnd | StreamEnd): void {
    if (end.closed) return;
    this.#onBusy();
    this.#lingering.push({ end, atMs: this.#time.nowMs });
  }

  /** Closes what is idle for too long, and cuts what does not end. */
  look(nowMs: number): void {
    const before = nowMs - UPSTREAM_IDLE_MS;
    for (const [endpoint, shelves] of this.#shelves) {
      let left = 0;
      for (const { idle } of shelves) {
        // The oldest are first.
        for (let first = idle[0]; first !== undefined && first.idleSinceMs <= before; first = idle[0]) {
          first.close();
        }
        left += idle.length;
      }
      if (left === 0) this.#shelves.delete(endpoint);
    }
    if (this.#lingering.length === 0) return;
    this.#lingering = this.#lingering.filter(({ end, atMs }) => {
      if (end.closed) return false;
      if (nowMs - atMs < UPSTREAM_LINGER_MS) return true;
      end.deliverReset("TIMEOUT", "Does not end");
      return false;
    });
  }

  close(): void {
    for (const shelves of this.#shelves.values()) {
      for (const { idle } of shelves) for (const upstream of idle.splice(0)) upstream.abandon();
    }
    this.#shelves.clear();
    this.#size = 0;
    for (const { end } of this.#lingering) end.deliverReset("RESET_BY_PEER", "Router stops");
    this.#lingering = [];
  }

  #shelf(endpoint: Endpoint, port: number): Shelf | undefined {
    const shelves = this.#shelves.get(endpoint);
    if (shelves === undefined) return undefined;
    for (const shelf of shelves) if (shelf.port === port) return shelf;
    return undefined;
  }

  #shelfFor(endpoint: Endpoint, port: number): Shelf {
    const known = this.#shelf(endpoint, port);
    if (known !== undefined) return known;
    const shelf: Shelf = { port, idle: [] };
    const shelves = this.#shelves.get(endpoint);
    if (shelves === undefined) this.#shelves.set(endpoint, [shelf]);
    else shelves.push(shelf);
    return shelf;
  }
}

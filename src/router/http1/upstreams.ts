import type { Dialer } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import type { HttpCounters } from "../http/counters.ts";
import type { Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { StreamEnd } from "../flow/stream-end.ts";
import {
  MAX_IDLE,
  MAX_IDLE_PER_ENDPOINT,
  SILENCE_MS,
  UPSTREAM_IDLE_MS,
  UPSTREAM_LINGER_MS,
} from "./limits.ts";
import { PodProbe, type ProbeOwner } from "./pod-probe.ts";
import type { Shelf } from "./shelf.ts";
import { Http1Upstream, type UpstreamHome, type UpstreamUser } from "./upstream.ts";

/** The time of the last look at all connections: cheaper than the clock, and late by no more than a look. */
export interface CoarseTime {
  readonly nowMs: number;
}

/**
 * Connections to pods: makes them, and keeps those that nobody uses for the next request to the same endpoint and port.
 * The one used last goes first, so that no more are kept warm than are needed. One that brings a byte, a FIN or a reset
 * while nobody uses it is gone at once. Also knows when each pod was last heard of, to tell a slow one from a dead one.
 */
export class Upstreams implements UpstreamHome, ProbeOwner {
  readonly #time: CoarseTime;
  readonly #dialer: Dialer;
  readonly #counters: HttpCounters;
  readonly #onBusy: () => void;
  readonly #shelves = new WeakMap<Endpoint, Shelf[]>();
  /** Those that are looked at: all with idle connections, and some without. */
  readonly #listed = new Set<Shelf>();
  #probes: PodProbe[] = [];
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
    return this.#size === 0 && this.#lingering.length === 0 && this.#probes.length === 0;
  }

  /** An idle connection to the endpoint, not idle any more; the caller sets its `user`. */
  take(endpoint: Endpoint, port: number): Http1Upstream | undefined {
    const { idle } = this.#shelf(endpoint, port);
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
    { route, user }: { readonly route: Route; readonly user: UpstreamUser | undefined },
  ): Http1Upstream {
    const shelf = this.#shelf(endpoint, route.port);
    return new Http1Upstream(endpoint, { route, user, shelf, home: this, time: this.#time });
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
    const { shelf } = upstream;
    upstream.user = undefined;
    upstream.idleSinceMs = this.#time.nowMs;
    if (this.#size >= MAX_IDLE || shelf.idle.length >= MAX_IDLE_PER_ENDPOINT) {
      upstream.close();
      return;
    }
    this.#size++;
    upstream.shelved = true;
    shelf.idle.push(upstream);
    if (shelf.listed) return;
    shelf.listed = true;
    this.#listed.add(shelf);
  }

  /** Takes an open connection on which nothing was asked yet. */
  adopt(
    endpoint: Endpoint,
    { route, end }: { readonly route: Route; readonly end: SocketEnd | StreamEnd },
  ): void {
    const upstream = this.make(endpoint, { route, user: undefined });
    end.peer = upstream;
    upstream.onOpen(end);
  }

  /**
   * A request that was sent at `sentMs` waits for its answer. True: its pod is not there any more. To find that out a
   * connection is made where the pod has been silent; to be asked again later.
   */
  deserted(
    upstream: Http1Upstream,
    { sentMs, client }: { readonly sentMs: number; readonly client: string },
  ): boolean {
    const { shelf, endpoint, route, end } = upstream;
    // A link that drains opens nothing to find out by; what is under way there is answered, or ends with the link.
    if (end instanceof StreamEnd && end.draining) return false;
    const { nowMs } = this.#time;
    const heardMs = Math.max(shelf.heardMs, sentMs);
    if (shelf.deadMs > heardMs) return true;
    if (shelf.probing || nowMs - heardMs < SILENCE_MS) return false;
    shelf.probing = true;
    const fresh = this.make(endpoint, { route, user: undefined });
    const probe = new PodProbe(this, { upstream: fresh, untilMs: nowMs + 2 * route.policy.connectMs });
    fresh.user = probe;
    this.#probes.push(probe);
    this.dial(fresh, client);
    return false;
  }

  probeAnswered(upstream: Http1Upstream): void {
    upstream.shelf.probing = false;
    upstream.shelf.heardMs = this.#time.nowMs;
    this.put(upstream);
  }

  probeRefused(upstream: Http1Upstream): void {
    upstream.shelf.probing = false;
    upstream.shelf.heardMs = this.#time.nowMs;
  }

  probeFailed(upstream: Http1Upstream): void {
    upstream.shelf.probing = false;
    upstream.shelf.deadMs = this.#time.nowMs;
    this.failed(upstream);
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
    const { idle } = upstream.shelf;
    const index = idle.lastIndexOf(upstream);
    if (index < 0) return;
    idle.splice(index, 1);
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
    for (const shelf of this.#listed) {
      const { idle } = shelf;
      // The oldest are first.
      for (let first = idle[0]; first !== undefined && first.idleSinceMs <= before; first = idle[0]) {
        first.close();
      }
      if (idle.length > 0) continue;
      shelf.listed = false;
      this.#listed.delete(shelf);
    }
    if (this.#probes.length > 0) {
      for (const probe of this.#probes) probe.look(nowMs);
      this.#probes = this.#probes.filter(({ over }) => !over);
    }
    if (this.#lingering.length > 0)
      this.#lingering = this.#lingering.filter((one) => stillLingers(one, nowMs));
  }

  close(): void {
    for (const { idle } of this.#listed) {
      for (let last = idle.at(-1); last !== undefined; last = idle.at(-1)) last.abandon();
    }
    this.#listed.clear();
    for (const { end } of this.#lingering) end.deliverReset("RESET_BY_PEER", "Router stops");
    this.#lingering = [];
  }

  #shelf(endpoint: Endpoint, port: number): Shelf {
    let shelves = this.#shelves.get(endpoint);
    if (shelves === undefined) {
      shelves = [];
      this.#shelves.set(endpoint, shelves);
    }
    for (const shelf of shelves) if (shelf.port === port) return shelf;
    const shelf: Shelf = {
      port,
      idle: [],
      listed: false,
      heardMs: Number.NEGATIVE_INFINITY,
      deadMs: Number.NEGATIVE_INFINITY,
      probing: false,
    };
    shelves.push(shelf);
    return shelf;
  }
}

function stillLingers(
  { end, atMs }: { readonly end: SocketEnd | StreamEnd; readonly atMs: number },
  nowMs: number,
): boolean {
  if (end.closed) return false;
  if (nowMs - atMs < UPSTREAM_LINGER_MS) return true;
  end.deliverReset("TIMEOUT", "Does not end");
  return false;
}

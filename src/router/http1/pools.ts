import { ByteWriter } from "#http/byte-writer.ts";
import type { Endpoint } from "../endpoint.ts";
import type { HttpContext } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeTools } from "./exchange-parts.ts";
import { LOOK_MS, SPARE_EXCHANGES } from "./limits.ts";
import { Upstreams } from "./upstreams.ts";

/** A client's connection, as the timer sees it. */
export interface Watched {
  /** Called each 250 ms or so. */
  look(nowMs: number): void;
}

/**
 * What all HTTP/1.1 connections of a router share: connections to pods that are idle, buffers, exchanges for the next
 * requests, and the one timer. An idle client connection has nothing of its own but its state.
 */
export class Http1Pools implements ExchangeTools {
  readonly context: HttpContext;
  readonly upstreams: Upstreams;
  readonly requestOut = new ByteWriter();
  readonly answerOut = new ByteWriter();
  /** Coarse monotonic time, ms: that of the last look. */
  nowMs: number;
  readonly #watched = new Set<Watched>();
  readonly #spare: Exchange[] = [];
  #stopTimer: (() => void) | undefined;

  constructor({ context }: { readonly context: HttpContext }) {
    const { clock, dialer, counters } = context;
    this.context = context;
    this.nowMs = clock.monotonicMs();
    this.upstreams = new Upstreams({ time: this, dialer, counters, onBusy: () => this.#watch() });
  }

  /** Idle connections to pods. */
  get size(): number {
    return this.upstreams.size;
  }

  /** Client connections. */
  get connections(): number {
    return this.#watched.size;
  }

  /** Takes an open connection to a pod on which nothing was sent or received, for the first request that can use it. */
  adopt(endpoint: Endpoint, options: { readonly route: Route; readonly end: SocketEnd | StreamEnd }): void {
    this.upstreams.adopt(endpoint, options);
  }

  /** Closes what is idle; client connections are closed by their owners. */
  close(): void {
    this.upstreams.close();
    this.#spare.length = 0;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  add(connection: Watched): void {
    this.#watched.add(connection);
    this.#watch();
  }

  remove(connection: Watched): void {
    this.#watched.delete(connection);
  }

  exchange(): Exchange {
    return this.#spare.pop() ?? new Exchange(this);
  }

  /** Takes back an exchange that was reset. */
  spare(exchange: Exchange): void {
    if (this.#spare.length < SPARE_EXCHANGES) this.#spare.push(exchange);
  }

  #watch(): void {
    if (this.#stopTimer !== undefined) return;
    const { clock } = this.context;
    this.nowMs = clock.monotonicMs();
    this.#stopTimer = clock.every(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.context.clock.monotonicMs();
    this.nowMs = nowMs;
    for (const connection of this.#watched) connection.look(nowMs);
    this.upstreams.look(nowMs);
    if (this.#watched.size > 0 || !this.upstreams.still) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

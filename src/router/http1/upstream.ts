import type { ResetCode } from "#link/reset-code.ts";
import type { Upstream } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import { NOWHERE, type End } from "../flow/flow.ts";
import type { Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { StreamEnd } from "../flow/stream-end.ts";
import type { Shelf } from "./shelf.ts";

/** Who uses a connection to a pod at the moment. */
export interface UpstreamUser {
  /** It is open now; a stream to another site may still be refused. */
  onUpstreamOpen(): void;
  /** It is not to be had: nothing reached the pod. */
  onUpstreamFailed(reason: string): void;
  /** Bytes of the answer; returns how many were passed on, the rest is told by `taken` of the end. */
  onUpstreamData(chunk: Uint8Array): number;
  /** The pod ended its side. */
  onUpstreamFin(): void;
  /** It broke; `code` says how. */
  onUpstreamReset(code: ResetCode, reason: string): void;
  /** Some of what the pod did not take at once has gone. */
  onUpstreamTaken(): void;
}

/** Where connections live that nobody uses. */
export interface UpstreamHome {
  /** It opened, and nobody waits for it any more. */
  opened(upstream: Http1Upstream): void;
  /** It could not be had, and nobody waits for it any more. */
  failed(upstream: Http1Upstream): void;
  /** It is no good any more. */
  forget(upstream: Http1Upstream): void;
  /** Our side of it has ended; it is cut when the pod does not end its own. */
  linger(end: SocketEnd | StreamEnd): void;
}

/**
 * One HTTP/1.1 connection to a pod: a TCP connection, or a stream to another site. It serves one request at a time.
 *
 *     dialling --onOpen--> busy <--answered / next request--> idle
 *        |                  |                                  |
 *        +---- failed ------+-- FIN, reset, an answer that ----+-- any byte, FIN, reset, too long --> gone
 *                               does not end in order
 */
export class Http1Upstream implements Upstream {
  peer: End = NOWHERE;
  readonly received = 0;
  readonly held = 0;
  readonly endpoint: Endpoint;
  /** Of the service. */
  readonly route: Route;
  readonly shelf: Shelf;
  /** The address it leads to: an endpoint may get another one. */
  readonly host: string | undefined;
  readonly podPort: number | undefined;
  readonly dialledMs: number;
  /** Who uses it; undefined while it is idle. */
  user: UpstreamUser | undefined;
  end: SocketEnd | StreamEnd | undefined;
  /** No byte came from the pod yet. */
  fresh = true;
  /** It is among the idle ones. Owned by its home. */
  shelved = false;
  /** Owned by its home. */
  idleSinceMs = 0;
  readonly #home: UpstreamHome;
  readonly #time: { readonly nowMs: number };
  #ended = false;

  constructor(
    endpoint: Endpoint,
    options: {
      readonly route: Route;
      readonly home: UpstreamHome;
      readonly user: UpstreamUser | undefined;
      readonly shelf: Shelf;
      /** Coarse. */
      readonly time: { readonly nowMs: number };
    },
  ) {
    this.endpoint = endpoint;
    this.route = options.route;
    this.host = endpoint.facts.host;
    this.podPort = endpoint.facts.ports.get(options.route.port);
    this.user = options.user;
    this.shelf = options.shelf;
    this.dialledMs = options.time.nowMs;
    this.#time = options.time;
    this.#home = options.home;
  }

  /** What was sent may still not have reached the pod when it is refused. */
  get refusable(): boolean {
    return this.fresh && this.host === undefined;
  }

  /** It leads to where the endpoint is now, by a link that stays. */
  get current(): boolean {
    const { facts } = this.endpoint;
    if (this.end instanceof StreamEnd && this.end.draining) return false;
    return facts.host === this.host && facts.ports.get(this.route.port) === this.podPort;
  }

  deliver(chunk: Uint8Array): number {
    const { user } = this;
    this.shelf.heardMs = this.#time.nowMs;
    if (user === undefined) {
      // Nothing was asked.
      this.abandon();
      return chunk.length;
    }
    const consumed = user.onUpstreamData(chunk);
    this.fresh = false;
    return consumed;
  }

  deliverFin(): void {
    if (this.user === undefined) this.close();
    else this.user.onUpstreamFin();
  }

  deliverReset(code: ResetCode, reason: string): void {
    const { user } = this;
    this.user = undefined;
    this.#home.forget(this);
    user?.onUpstreamReset(code, reason);
  }

  taken(): void {
    this.user?.onUpstreamTaken();
  }

  onOpen(end: SocketEnd | StreamEnd): void {
    this.end = end;
    this.peer = end;
    if (this.user === undefined) this.#home.opened(this);
    else this.user.onUpstreamOpen();
  }

  onDialFailed(reason: string): void {
    const { user } = this;
    this.user = undefined;
    if (user === undefined) this.#home.failed(this);
    else user.onUpstreamFailed(reason);
  }

  /** Ends it now, whatever it does. One that is still being dialled opens for the next request. */
  abandon(): void {
    this.user = undefined;
    if (this.end === undefined) return;
    this.#ended = true;
    this.#home.forget(this);
    this.end.deliverReset("RESET_BY_PEER", "Not used any more");
  }

  /** Ends it in order. */
  close(): void {
    const { end } = this;
    this.user = undefined;
    this.#home.forget(this);
    if (end === undefined || this.#ended) return;
    this.#ended = true;
    end.deliverFin();
    this.#home.linger(end);
  }
}

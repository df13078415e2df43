import { H2_ERROR } from "#http/h2/constants.ts";
import { Session } from "#http/h2/session.ts";
import type { End, Flow } from "../flow/flow.ts";
import type { HttpClientFacts, HttpContext, Routes } from "../http/context.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import type { Http2Pools, Ticking } from "./pools.ts";
import { RequestFields } from "./request-fields.ts";

export interface Http2ConnectionOptions {
  readonly client: SocketEnd;
  readonly flow: Flow;
  readonly routes: Routes;
  readonly context: HttpContext;
  readonly facts: HttpClientFacts;
  readonly pools: Http2Pools;
}

/** Uploads that their pods do not read may fill so much before they stop the client's others, bytes. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Where no route says how long a connection may be without a request, ms. */
const DEFAULT_IDLE_MS = 60_000;
/** How long a client has to close a connection that we have ended, ms: an answer must not be lost to an RST. */
const LINGER_MS = 2000;

/**
 * A client's HTTP/2 connection, from its preface on: every request becomes an `Exchange`, which finds its own endpoint.
 *
 *     open --idle, drain()--> GOAWAY sent, what runs goes on --last request over--> ending --client's FIN, 2 s--> closed
 *       |                              |                                              ^
 *       +------ client's FIN, protocol error: pods hear CANCEL -----------------------+
 *       +------ client's reset ------------------------------------------------------------------------------> closed
 *
 * Back-pressure: HTTP/2's own windows bound what comes; what the socket does not take makes the session hold DATA back.
 */
export class Http2Connection implements End, Ticking, ExchangeContext {
  readonly peer: SocketEnd;
  /** Bytes sent to the client. */
  received = 0;
  readonly held = 0;
  readonly http: HttpContext;
  readonly pools: Http2Pools;
  readonly routes: Routes;
  readonly facts: HttpClientFacts;
  readonly requestFields: RequestFields;
  readonly client: string;
  readonly #flow: Flow;
  readonly #session: Session;
  #state: "open" | "ending" | "closed" = "open";
  #requests = 0;
  /** Requests seen when last looked at. */
  #seen = 0;
  #running = 0;
  /** When it was last seen in use; when it was ended. */
  #sinceMs: number;

  constructor(options: Http2ConnectionOptions) {
    const { client, flow, routes, context, facts, pools } = options;
    this.peer = client;
    this.#flow = flow;
    this.http = context;
    this.pools = pools;
    this.routes = routes;
    this.facts = facts;
    this.client = flow.facts.client;
    this.requestFields = new RequestFields(facts, context.via);
    this.#sinceMs = context.clock.monotonicMs();
    this.#session = new Session({
      role: "server",
      clock: context.clock,
      counters: pools.counters,
      soon: pools.endOfTurn.plan,
      limits: { connectionWindowBytes: CONNECTION_WINDOW_BYTES },
      send: (bytes) => this.#send(bytes),
      events: {
        onStream: (stream, fields, endStream) => {
          this.#requests++;
          this.#running++;
          new Exchange(this, stream).start(fields, endStream);
        },
        onGoAway: () => undefined,
        onClosed: (reason, code) => this.#sessionOver(reason, code),
      },
    });
  }

  /** Becomes the client's peer. `first`: bytes that were read already, the preface among them. */
  start(first?: Uint8Array): void {
    this.peer.peer = this;
    this.#flow.far = this;
    this.pools.join(this);
    this.#session.start();
    if (first !== undefined) this.deliver(first);
  }

  /** Takes no more requests, and closes when those that run are over. */
  drain(): void {
    if (this.#state === "open") this.#session.goAway();
  }

  exchangeOver(): void {
    this.#running--;
  }

  deliver(chunk: Uint8Array): number {
    if (this.#state === "open") this.#session.receive(chunk);
    return chunk.length;
  }

  /** The client has ended its side: it can take no part in the protocol any more. */
  deliverFin(): void {
    if (this.#state === "open") {
      this.#session.lost("The client closed the connection");
      this.#end();
    }
    this.#closed();
  }

  /** The client is gone. */
  deliverReset(): void {
    if (this.#state === "open") this.#session.lost("The client's connection broke");
    this.#closed();
  }

  taken(): void {
    if (this.peer.held === 0) this.#session.transportBlocked(false);
  }

  tick(nowMs: number): void {
    if (this.#state === "ending") {
      if (nowMs - this.#sinceMs < LINGER_MS) return;
      this.peer.deliverReset();
      this.#closed();
      return;
    }
    if (this.#running > 0 || this.#requests !== this.#seen) {
      this.#seen = this.#requests;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs >= (this.routes.only?.policy.httpIdleMs ?? DEFAULT_IDLE_MS)) {
      this.drain();
    }
    this.#session.tick(nowMs);
  }

  #send(bytes: Uint8Array): boolean {
    const { peer } = this;
    this.received += bytes.length;
    if (peer.closed) return false;
    if (peer.deliver(bytes) === bytes.length) return true;
    this.#session.transportBlocked(true);
    return false;
  }

  /** Drained, or the client broke the protocol and was told so. */
  #sessionOver(reason: string, code: number | undefined): void {
    if (code !== undefined && code !== H2_ERROR.NO_ERROR) this.http.counters.refuse(reason);
    this.#end();
  }

  /** After what is held, the client hears our FIN; then it has a little time for its own. */
  #end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#sinceMs = this.http.clock.monotonicMs();
    this.peer.deliverFin();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.pools.leave(this);
    this.#flow.endClosed();
  }
}

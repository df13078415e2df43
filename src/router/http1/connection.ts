import { FRAMING } from "#http/h1/framing.ts";
import { METHOD } from "#http/h1/method.ts";
import type { Endpoint } from "../endpoint.ts";
import type { End, Flow } from "../flow/flow.ts";
import type { HttpClientFacts, HttpContext, Routes } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";
import { due, STATE, type State } from "./connection-state.ts";
import type { Exchange } from "./exchange.ts";
import type { ExchangeClient } from "./exchange-parts.ts";
import { DEFAULT_IDLE_MS, DRAIN_BYTES } from "./limits.ts";
import { answerTo, sendLocalAnswer, type LocalAnswer } from "./local-answer.ts";
import type { Http1Pools, Watched } from "./pools.ts";
import { ReadAhead } from "./read-ahead.ts";
import { openTunnel } from "./tunnel.ts";

export interface Http1ConnectionOptions {
  readonly client: SocketEnd;
  readonly flow: Flow;
  readonly routes: Routes;
  readonly context: HttpContext;
  readonly facts: HttpClientFacts;
  readonly pools: Http1Pools;
}

/**
 * A client's HTTP/1.1 connection: reads its requests one after the other and has each answered before the next is looked
 * at. Bytes that come meanwhile are held, and the client is paused.
 *
 *     idle --byte--> head --whole--> body --last byte--> busy --answered--> idle
 *      |              |  \---------- no body ----------->/         \--tunnel (WebSocket): over
 *      |              |               \--answered--> drain --last byte--> idle
 *      |              |                               \-- too much, too long -\
 *      \--------------\-- refused, timeout, FIN, Connection: close, drain() ---+--> linger --FIN, 2 s--> over
 *     RST from the client, or an answer cut short: over
 */
export class Http1Connection implements End, ExchangeClient, Watched {
  readonly client: SocketEnd;
  readonly facts: HttpClientFacts;
  readonly flow: Flow;
  readonly held = 0;
  received = 0;
  readonly #routes: Routes;
  readonly #pools: Http1Pools;
  readonly #context: HttpContext;
  #state: State = STATE.IDLE;
  /** Since when it is in this state, or when it last got on; coarse. */
  #sinceMs: number;
  #exchange: Exchange | undefined;
  readonly #ahead: ReadAhead;
  #reading = false;
  #keepAlive = true;
  #expectsContinue = false;
  #drainedBytes = 0;
  #draining = false;
  #finIn = false;
  #route: Route | undefined;
  /** When the client last took something that was held. */
  #tookMs = 0;

  constructor(options: Http1ConnectionOptions) {
    this.client = options.client;
    this.facts = options.facts;
    this.flow = options.flow;
    this.#routes = options.routes;
    this.#context = options.context;
    this.#pools = options.pools;
    this.#route = options.routes.only;
    this.#sinceMs = options.pools.nowMs;
    this.#ahead = new ReadAhead(options.client);
  }

  get peer(): End {
    return this.client;
  }

  get staysOpen(): boolean {
    return this.#keepAlive && !this.#draining;
  }

  /** Begins to read from the client; `first` is what it sent already. */
  start(first?: Uint8Array): void {
    this.#pools.add(this);
    this.#sinceMs = this.#pools.nowMs;
    this.client.peer = this;
    this.flow.far = this;
    if (first !== undefined && first.length > 0) this.#read(first);
  }

  /** Answers the request that runs, and closes; now, if there is none. */
  drain(): void {
    this.#draining = true;
    if (this.#state === STATE.IDLE) this.#close();
  }

  // End

  deliver(chunk: Uint8Array): number {
    if (this.#ahead.empty) this.#read(chunk);
    else this.#ahead.hold(chunk, 0);
    return chunk.length;
  }

  deliverFin(): void {
    this.#finIn = true;
    switch (this.#state) {
      case STATE.IDLE:
        if (this.#ahead.empty) this.#close();
        return;
      case STATE.HEAD:
        this.#refuse({ status: 400, reason: "head-cut-short", text: "The request ended in its head" });
        return;
      case STATE.BODY:
        this.#refuse({ status: 400, reason: "body-cut-short", text: "The request ended in its body" });
        return;
      case STATE.DRAIN:
        this.#close();
        return;
      case STATE.LINGER:
        this.#overWhenSent();
        return;
      default:
      // A client may end its side and still wait for its answer.
    }
  }

  /** The client is gone. */
  deliverReset(): void {
    this.#over();
  }

  /** The client took some of what its end had held. */
  taken(bytes: number): void {
    this.#tookMs = this.#pools.nowMs;
    this.#exchange?.clientTook(bytes);
    if (this.client.held > 0) return;
    if (this.#state === STATE.IDLE) this.#resume();
    else if (this.#state === STATE.LINGER && this.#finIn) this.#over();
  }

  // ExchangeClient

  bodyMoved(): void {
    const ahead = this.#ahead;
    if (!ahead.blocked || this.#exchange?.body.accepts !== true) return;
    ahead.blocked = false;
    this.#sinceMs = this.#pools.nowMs;
    ahead.settle();
  }

  interim(): void {
    this.#expectsContinue = false;
    this.#sinceMs = this.#pools.nowMs;
  }

  answered(close: boolean): void {
    const exchange = this.#exchange as Exchange;
    this.#ahead.blocked = false;
    this.#sinceMs = this.#pools.nowMs;
    if (close) {
      this.#dropExchange(exchange);
      this.#close();
      return;
    }
    if (!exchange.body.done) {
      this.#drainedBytes = 0;
      this.#state = STATE.DRAIN;
      exchange.body.discard();
      this.#ahead.settle();
      return;
    }
    exchange.reset();
    this.#idle();
  }

  answerLocally(answer: LocalAnswer): void {
    const exchange = this.#exchange as Exchange;
    const unread = exchange.body.done ? 0 : (exchange.body.leftBytes ?? Number.POSITIVE_INFINITY);
    const close = !this.staysOpen || unread > DRAIN_BYTES || this.#expectsContinue;
    this.#write(answer, close);
    this.answered(close);
  }

  cut(): void {
    this.#abort();
  }

  tunnel(to: {
    readonly end: SocketEnd | StreamEnd;
    readonly endpoint: Endpoint;
    readonly rest: Uint8Array;
  }): number {
    const { client, flow, received } = this;
    const ahead = this.#ahead.take();
    this.#leave();
    const took = openTunnel(flow, { ...to, client, received, ahead });
    if (this.#finIn) client.peer.deliverFin();
    return took;
  }

  // Watched

  look(nowMs: number): void {
    const quietMs = nowMs - this.#sinceMs;
    const idleMs = this.#route?.policy.httpIdleMs ?? DEFAULT_IDLE_MS;
    if (this.client.held === 0) this.#tookMs = nowMs;
    else if (nowMs - this.#tookMs > idleMs) {
      this.#abort();
      return;
    }
    const excused = this.#ahead.blocked || this.#expectsContinue;
    switch (due(this.#state, { quietMs, idleMs, excused, sent: this.client.held === 0 })) {
      case "nothing":
        return;
      case "lighten":
        this.#lighten();
        return;
      case "close":
        this.#close();
        return;
      case "cut":
        this.#abort();
        return;
      case "askPod":
        this.#exchange?.look(nowMs);
        return;
      case "headTimeout":
        this.#refuse({ status: 408, reason: "head-timeout", text: "The head did not come in time" });
        return;
      default:
        this.#refuse({ status: 408, reason: "body-timeout", text: "The body stood still for too long" });
    }
  }

  // Reading

  #read(chunk: Uint8Array): void {
    this.#reading = true;
    let at = 0;
    while (at < chunk.length) {
      const next = this.#step(chunk, at);
      if (next < 0) break;
      at = next;
    }
    this.#reading = false;
    if (at < chunk.length) this.#ahead.hold(chunk, at);
    else this.#ahead.settle();
  }

  /** Reads one head, or what there is of it or of a body. Returns the index behind it; -1: not now. */
  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case STATE.IDLE:
        if (this.client.held > 0) return -1;
        this.#exchange ??= this.#newExchange();
        return this.#head(this.#exchange, chunk, at);
      case STATE.HEAD:
        return this.#head(this.#exchange as Exchange, chunk, at);
      case STATE.BODY:
      case STATE.DRAIN:
        return this.#body(chunk, at);
      case STATE.BUSY:
        return -1;
      default:
        return chunk.length;
    }
  }

  #newExchange(): Exchange {
    const exchange = this.#pools.exchange();
    exchange.bind(this);
    return exchange;
  }

  #head(exchange: Exchange, chunk: Uint8Array, at: number): number {
    const end = exchange.reader.read(exchange.request, chunk, at);
    if (end > 0) return this.#begin(exchange, chunk, end);
    if (end < 0) return this.#refuseHead(exchange, chunk);
    if (this.#state === STATE.IDLE) {
      this.#state = STATE.HEAD;
      this.#sinceMs = this.#pools.nowMs;
    }
    return chunk.length;
  }

  #refuseHead(exchange: Exchange, chunk: Uint8Array): number {
    this.#refuse(answerTo(exchange.request.problem));
    return chunk.length;
  }

  /** A head is whole; what is behind it in `chunk` begins at `at`. Returns the index up to which that was read. */
  #begin(exchange: Exchange, chunk: Uint8Array, at: number): number {
    const { request } = exchange;
    const { clock } = this.#context;
    this.#keepAlive = request.keepAlive;
    this.#expectsContinue = request.expectContinue;
    exchange.startedMs = clock.monotonicMs();
    let end = at;
    if (request.framing === FRAMING.NONE) this.#state = STATE.BUSY;
    else {
      this.#state = STATE.BODY;
      this.#sinceMs = this.#pools.nowMs;
      exchange.body.begin(request);
      if (at < chunk.length) end = exchange.body.read(chunk, at, chunk.length);
      if (end < 0) return this.#refuseBody(exchange, chunk);
      if (end > at) this.#expectsContinue = false;
      if (exchange.body.done) this.#state = STATE.BUSY;
    }
    const { only } = this.#routes;
    if (only === undefined) this.#startByPath(exchange);
    else this.#start(exchange, only, 0);
    if (this.#state === STATE.BODY) this.#ahead.blocked = !exchange.body.accepts;
    return end;
  }

  #start(exchange: Exchange, route: Route, stripBytes: number): void {
    this.#route = route;
    exchange.route = route;
    route.policy.retryBudget.started(exchange.startedMs);
    exchange.start(stripBytes);
  }

  #startByPath(exchange: Exchange): void {
    const match = this.#routes.find(exchange.request.path());
    if (match !== undefined) {
      this.#start(exchange, match.route, match.stripBytes);
      return;
    }
    this.#context.counters.refuse("no-route");
    this.answerLocally({ status: 404, reason: "no-route", text: "Nothing is served at this path" });
  }

  #body(chunk: Uint8Array, at: number): number {
    const exchange = this.#exchange as Exchange;
    const { body } = exchange;
    const end = body.read(chunk, at, chunk.length);
    if (this.#state === STATE.DRAIN) return this.#drained(exchange, { chunk, at, end });
    if (end < 0) return this.#refuseBody(exchange, chunk);
    this.#expectsContinue = false;
    this.#sinceMs = this.#pools.nowMs;
    if (body.done) {
      this.#state = STATE.BUSY;
      this.#ahead.blocked = false;
    } else this.#ahead.blocked = !body.accepts;
    return end;
  }

  #drained(exchange: Exchange, read: { chunk: Uint8Array; at: number; end: number }): number {
    const { chunk, at, end } = read;
    this.#drainedBytes += end - at;
    if (end < 0 || this.#drainedBytes > DRAIN_BYTES) {
      this.#close();
      return chunk.length;
    }
    if (exchange.body.done) {
      exchange.reset();
      this.#idle();
    }
    return end;
  }

  #refuseBody(exchange: Exchange, chunk: Uint8Array): number {
    this.#refuse(answerTo(exchange.body.problem));
    return chunk.length;
  }

  /** Reads on in what was held. */
  #resume(): void {
    if (this.#reading) return;
    const ahead = this.#ahead.take();
    if (ahead !== undefined) this.#read(ahead);
    if (!this.#ahead.empty) return;
    this.#ahead.settle();
    if (this.#finIn) this.deliverFin();
  }

  // Answers and endings

  #idle(): void {
    if (this.#draining) {
      this.#close();
      return;
    }
    this.#state = STATE.IDLE;
    this.#sinceMs = this.#pools.nowMs;
    this.#resume();
  }

  /** The client did something that cannot be answered otherwise; nothing it sends is read any more. */
  #refuse(answer: LocalAnswer): void {
    this.#context.counters.refuse(answer.reason);
    const exchange = this.#exchange as Exchange;
    if (this.#state >= STATE.BODY) exchange.abort(answer);
    if (exchange.answering) {
      this.#abort();
      return;
    }
    this.#write(answer, true);
    this.#dropExchange(exchange);
    this.#close();
  }

  #write(answer: LocalAnswer, close: boolean): void {
    const { toClient, request } = this.#exchange as Exchange;
    // Of a head that is not whole nothing can be believed.
    const whole = this.#state >= STATE.BODY;
    const bodyless = whole && request.method === METHOD.HEAD;
    sendLocalAnswer(toClient, { answer, close, bodyless, clientMinor: whole ? request.minor : 1 });
    this.#context.counters.responded(answer.status);
  }

  #dropExchange(exchange: Exchange): void {
    this.#exchange = undefined;
    exchange.reset();
    this.#pools.spare(exchange);
  }

  /** Gives back what an idle connection does not need. */
  #lighten(): void {
    if (this.#exchange !== undefined) this.#dropExchange(this.#exchange);
  }

  /** Ends our side; what the client still sends is read away, so that it gets its answer. */
  #close(): void {
    this.#lighten();
    this.#state = STATE.LINGER;
    this.#sinceMs = this.#pools.nowMs;
    this.#ahead.drop();
    this.client.deliverFin();
    if (this.#finIn) this.#overWhenSent();
    else this.#ahead.settle();
  }

  #overWhenSent(): void {
    if (this.client.held === 0) this.#over();
  }

  /** Breaks the client's connection. */
  #abort(): void {
    this.client.deliverReset();
    this.#over();
  }

  #over(): void {
    if (this.#state === STATE.OVER) return;
    const running = this.#state === STATE.BODY || this.#state === STATE.BUSY;
    if (running) this.#exchange?.abort();
    this.#leave();
    this.flow.endClosed();
  }

  /** This connection has nothing to do with it any more. */
  #leave(): void {
    this.#state = STATE.OVER;
    this.#pools.remove(this);
    this.#lighten();
    this.#ahead.drop();
  }
}

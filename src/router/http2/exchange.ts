import { H2_ERROR } from "#http/h2/constants.ts";
import type { H2Handler, H2Stream } from "#http/h2/types.ts";
import { field, type Field, type KnownField } from "#http/hpack/field.ts";
import type { Endpoint } from "../endpoint.ts";
import { affinityCookie, pickContext, type Asked } from "../http/affinity.ts";
import type { HttpClientFacts, HttpContext, Routes } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import type { Outcome, PickContext } from "../selection/balancer.ts";
import { NONE_TRIED, type Tried } from "../selection/candidate.ts";
import { Attempt } from "./attempt.ts";
import { GRPC_STATUS, grpcStatus, grpcStatusFor } from "./grpc.ts";
import { KeptBody } from "./kept-body.ts";
import { localAnswer, type LocalReason } from "./local-answer.ts";
import type { Asker, Http2Pools, Timed } from "./pools.ts";
import { CLIENT_LEFT } from "../observe/account.ts";
import { RequestAccount } from "./request-account.ts";
import { valueOf, withoutClaims, type RequestFields } from "./request-fields.ts";

/** What the exchanges of one client connection share. */
export interface ExchangeContext {
  readonly http: HttpContext;
  readonly pools: Http2Pools;
  readonly routes: Routes;
  readonly facts: HttpClientFacts;
  readonly requestFields: RequestFields;
  /** As in records: address and port. */
  readonly client: string;
  exchangeOver(): void;
}

/** A body that nobody wants is read away, so much and so long; most clients have ended by then. */
const DRAIN_BYTES = 256 * 1024;
const DRAIN_MS = 2000;

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * One request of a client and its answer: the client's side, and who is asked.
 *
 *                 +-- again: nothing reached the pod; or idempotent, kept, and 502/503/504 or reset --+
 *                 v                                                                                   |
 *     start --> asking --answer head--> answering --answer's end--> answered --request's end--> over  |
 *       |         +-----------------------------------------------------------------------------------+
 *       |         +-- nobody left, or time is up: answered here --> answered
 *       +-- no route ---------------------------------------------------^
 *
 * The client's reset cancels the pod's stream from every state; what breaks after the answer's head resets the client's.
 * While `answered`, a pod that still reads gets the rest of the body; else a little of it is read away, then the client is
 * told to stop with NO_ERROR (RFC 9113 section 8.1).
 */
export class Exchange implements H2Handler, Asked, Asker, Timed {
  /** For the pod. */
  fields: readonly Field[] = [];
  /** Owned by `Http2Pools`. */
  deadlineMs = 0;
  readonly #context: ExchangeContext;
  readonly #stream: H2Stream;
  /** The client has sent all of its request. */
  #ended = false;
  /** What came of the request's body before an answer began; none came yet while undefined. */
  #body: KeptBody | undefined;
  #method = "";
  #route: Route | undefined;
  #pickContext: PickContext | undefined;
  #attempt: Attempt | undefined;
  #account!: RequestAccount;
  #attempts = 0;
  #tried: Tried = NONE_TRIED;
  #state: "asking" | "answering" | "answered" | "over" = "asking";
  /** Bytes of the request's body that were not given back to the client's window. */
  #unconsumed = 0;
  /** Bytes of the body that were read away. */
  #drained = 0;

  constructor(context: ExchangeContext, stream: H2Stream) {
    this.#context = context;
    this.#stream = stream;
    stream.handler = this;
  }

  start(fields: readonly KnownField[], endStream: boolean): void {
    const { http, routes, pools, requestFields } = this.#context;
    this.fields = fields;
    this.#ended = endStream;
    this.#account = new RequestAccount(http.flows, { fields, client: this.#context.facts.address });
    this.#method = valueOf(fields, ":method") ?? "";
    let route = routes.only;
    let stripBytes = 0;
    if (route === undefined) {
      const match = routes.find(pathOf(fields));
      if (match === undefined) {
        this.#answerHere("no-route");
        return;
      }
      ({ route, stripBytes } = match);
    }
    this.#route = route;
    this.#account.begin(route, pools.endOfTurn.nowMs);
    const { policy, balancer } = route;
    policy.retryBudget.started();
    if (balancer.needs.kind !== "none") this.#pickContext = pickContext(balancer, this);
    this.fields = requestFields.forward(fields, stripBytes);
    if (policy.requestMs > 0) pools.watch(this, http.clock.monotonicMs() + policy.requestMs);
    this.#ask(route, balancer.pick(NONE_TRIED, this.#pickContext), "no-endpoints");
  }

  get route(): Route {
    return this.#route as Route;
  }

  get client(): string {
    return this.#context.client;
  }

  get address(): string {
    return this.#context.facts.address;
  }

  header(name: string): string | undefined {
    let joined: string | undefined;
    for (const one of this.fields) {
      if (one.name !== name) continue;
      if (name !== "cookie") return one.value;
      joined = joined === undefined ? one.value : `${joined}; ${one.value}`;
    }
    return joined;
  }

  /** The request can go as a HEADERS frame with END_STREAM. */
  get headOnly(): boolean {
    return this.#ended && this.#body === undefined;
  }

  // --- the client's stream

  onHeaders(fields: readonly KnownField[]): void {
    const trailers = withoutClaims(fields);
    this.#ended = true;
    if (this.#state === "asking") (this.#body ??= new KeptBody()).trailers(trailers);
    this.#attempt?.stream?.headers(trailers, true);
    this.#requestEnded();
  }

  onData(chunk: Uint8Array, endStream: boolean): void {
    const { length } = chunk;
    if (endStream) this.#ended = true;
    const attempt = this.#attempt;
    if (attempt === undefined) {
      this.#stream.consumed(length);
      this.#drained += length;
      if (endStream) this.#requestEnded();
      else if (this.#drained > DRAIN_BYTES) this.#stopBody();
      return;
    }
    this.#unconsumed += length;
    this.#account.sent(length);
    const { stream } = attempt;
    if (this.#state === "asking") {
      this.#body ??= new KeptBody();
      this.#body.add(chunk);
      if (stream !== undefined) this.#body.trim();
    }
    if (stream !== undefined) {
      if (!stream.data(chunk, endStream)) attempt.blocked = true;
      if (!attempt.blocked) this.requestWritable();
    }
    if (endStream) this.#requestEnded();
  }

  /** The client wants no answer any more. */
  onReset(): void {
    if (this.#state === "over") return;
    this.#tell(CLIENT_LEFT);
    this.#attempt?.cancel();
    this.#finish();
  }

  onWritable(): void {
    if (this.#attempt !== undefined) this.#attempt.resume();
    else if (this.#drained > DRAIN_BYTES) this.#stopBody();
  }

  // --- the pod's side

  sent(attempt: Attempt, stream: H2Stream): void {
    const body = this.#body;
    if (body === undefined) return;
    attempt.blocked = !body.replay(stream, this.#ended);
    body.trim();
    if (!attempt.blocked) this.requestWritable();
  }

  /** The pod's stream takes more of the body. */
  requestWritable(): void {
    const bytes = this.#unconsumed;
    if (bytes === 0) return;
    this.#unconsumed = 0;
    this.#stream.consumed(bytes);
  }

  unreached(attempt: Attempt, reason: "connect-failed" | "overloaded"): void {
    if (reason === "connect-failed") this.#report(attempt, "connectFailed");
    this.#again(attempt.endpoint, { reason, sameEndpoint: false });
  }

  answerHeaders(attempt: Attempt, fields: readonly KnownField[], endStream: boolean): void {
    const account = this.#account;
    if (endStream && account.protocol === "grpc") account.grpcStatus = grpcStatus(fields);
    if (this.#state !== "asking") {
      this.#stream.headers(fields, endStream);
      if (endStream) this.#answerEnded();
      return;
    }
    const status = Number(fields[0]?.value);
    if (status < 200) {
      this.#stream.headers(fields, false);
      return;
    }
    const failed =
      status >= 500 || (endStream && status === 200 && account.grpcStatus === GRPC_STATUS.unavailable);
    this.#report(attempt, failed ? "serverError" : "ok");
    if (failed && status >= 502 && status <= 504 && this.#mayRepeat()) {
      const next = this.#nextAfter(attempt.endpoint, false);
      if (next !== undefined) {
        attempt.cancel();
        this.#ask(this.route, next, "no-endpoints");
        return;
      }
    }
    this.#state = "answering";
    account.status = status;
    this.#body?.drop();
    if (this.deadlineMs > 0) this.#context.pools.unwatch(this);
    this.#context.http.counters.responded(status);
    this.#stream.headers(this.#withCookie(fields, attempt.endpoint), endStream);
    if (endStream) this.#answerEnded();
  }

  /** False when the client's stream takes no more for now. */
  answerData(chunk: Uint8Array, endStream: boolean): boolean {
    this.#account.received(chunk.length);
    const writable = this.#stream.data(chunk, endStream);
    if (endStream) this.#answerEnded();
    return writable;
  }

  /** The pod's stream is over before its time. `untouched`: the pod has not begun with it. */
  attemptReset(
    attempt: Attempt,
    { code, untouched }: { readonly code: number; readonly untouched: boolean },
  ): void {
    switch (this.#state) {
      case "asking":
        if (attempt.dialFailed) this.#report(attempt, "connectFailed");
        else if (!untouched) this.#report(attempt, "reset");
        if (untouched ? this.#whole : this.#mayRepeat()) {
          this.#again(attempt.endpoint, {
            reason: untouched ? "connect-failed" : "reset",
            sameEndpoint: !attempt.dialFailed,
          });
        } else this.#answerHere("reset");
        return;
      case "answering":
        this.#attempt = undefined;
        this.#tell("cut-short");
        this.#stream.reset(code === H2_ERROR.NO_ERROR ? H2_ERROR.INTERNAL_ERROR : code);
        this.#finish();
        return;
      case "answered":
        // It has answered and wants no more of the body.
        this.#attempt = undefined;
        this.#drained = DRAIN_BYTES;
        this.#stopBody();
        return;
      case "over":
        return;
      default:
        this.#state satisfies never;
    }
  }

  /** From the coarse timer: no answer began in time, or the client still sends what nobody reads. */
  timeUp(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.cancel();
    if (this.#state === "asking") {
      if (attempt !== undefined) this.#report(attempt, "timeout");
      this.#answerHere("timeout");
    } else this.#stopBody();
  }

  // --- who is asked

  #ask(route: Route, endpoint: Endpoint | undefined, otherwise: LocalReason): void {
    if (endpoint === undefined) {
      this.#answerHere(otherwise);
      return;
    }
    const { http, pools } = this.#context;
    if (this.#attempts++ > 0) {
      http.counters.retries++;
    }
    this.#account.attempt(endpoint);
    const connections = pools.connectionsTo(endpoint, this);
    const attempt = new Attempt(this, { endpoint, connections, startedMs: pools.endOfTurn.nowMs });
    this.#attempt = attempt;
    connections.submit(attempt, route.policy);
  }

  #again(
    failed: Endpoint,
    { reason, sameEndpoint }: { readonly reason: LocalReason; readonly sameEndpoint: boolean },
  ): void {
    this.#attempt = undefined;
    this.#ask(this.route, this.#nextAfter(failed, sameEndpoint), reason);
  }

  /** Who is asked after `failed`; that one itself only where it may be asked again and nobody else is left. */
  #nextAfter(failed: Endpoint, sameEndpoint: boolean): Endpoint | undefined {
    const { balancer, policy } = this.route;
    if (this.#attempts > policy.attempts) return undefined;
    const before = this.#tried;
    this.#tried = [...before, failed];
    const next = balancer.pick(this.#tried, this.#pickContext);
    return next === undefined && sameEndpoint ? balancer.pick(before, this.#pickContext) : next;
  }

  /** Nothing of the body so far is missing here. */
  get #whole(): boolean {
    return this.#body?.whole !== false;
  }

  /** It may have reached a pod: whether it may be sent once more nevertheless. */
  #mayRepeat(): boolean {
    const { policy } = this.route;
    if (!this.#ended || !this.#whole || this.#attempts > policy.attempts) return false;
    if (!IDEMPOTENT.has(this.#method)) return false;
    if (policy.retryBudget.allow()) return true;
    this.#context.http.counters.retriesOverBudget++;
    return false;
  }

  #report({ endpoint, startedMs }: Attempt, outcome: Outcome): void {
    this.#route?.balancer.report(endpoint, outcome, this.#context.pools.endOfTurn.nowMs - startedMs);
  }

  // --- how it ends

  #answerHere(reason: LocalReason): void {
    const { counters } = this.#context.http;
    const account = this.#account;
    const grpc = account.protocol === "grpc";
    const { status, fields, body } = localAnswer(reason, grpc);
    account.status = grpc ? 200 : status;
    if (grpc) account.grpcStatus = grpcStatusFor(status);
    this.#tell(reason);
    counters.responded(status);
    if (status === 503) counters.unavailable++;
    counters.refuse(reason);
    this.#attempt = undefined;
    this.#state = "answering";
    const headOnly = body === undefined || this.#method === "HEAD";
    this.#stream.headers(fields, headOnly);
    if (!headOnly) this.#stream.data(body, true);
    this.#answerEnded();
  }

  #answerEnded(): void {
    this.#tell();
    this.#state = "answered";
    if (this.#ended) this.#finish();
    else if (this.#attempt === undefined) {
      this.requestWritable();
      this.#watchBody();
    }
  }

  #tell(reason?: string): void {
    this.#account.tell(this.#context.pools.endOfTurn.nowMs, reason);
  }

  #requestEnded(): void {
    if (this.#state === "answered") this.#finish();
  }

  /** The whole answer is there, and nobody reads the rest of the body; the answer must have left before. */
  #stopBody(): void {
    this.requestWritable();
    if (this.#stream.heldBytes > 0) {
      this.#watchBody();
      return;
    }
    this.#stream.reset(H2_ERROR.NO_ERROR);
    this.#finish();
  }

  #watchBody(): void {
    const { pools, http } = this.#context;
    pools.watch(this, http.clock.monotonicMs() + DRAIN_MS);
  }

  #finish(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#body = undefined;
    this.#attempt?.finish();
    this.#attempt = undefined;
    if (this.deadlineMs > 0) this.#context.pools.unwatch(this);
    this.#context.exchangeOver();
  }

  /** The answer's head, with the affinity cookie where one is due. */
  #withCookie(fields: readonly KnownField[], endpoint: Endpoint): readonly Field[] {
    const { needs } = this.route.balancer;
    if (needs.kind !== "cookie") return fields;
    const cookie = affinityCookie(needs, { endpoint, context: this.#pickContext });
    return cookie === undefined ? fields : [...fields, field("set-cookie", cookie)];
  }
}

/** The path without the query. */
function pathOf(fields: readonly Field[]): string {
  const target = valueOf(fields, ":path") ?? "";
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

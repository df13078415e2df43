import { RequestHead } from "#http/h1/request-head.ts";
import { UPGRADE } from "#http/h1/framing.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { Endpoint } from "../endpoint.ts";
import { affinityCookie, pickContext, type Asked } from "../http/affinity.ts";
import type { Route } from "../flow/opening.ts";
import type { Balancer, Outcome, PickContext } from "../selection/balancer.ts";
import { NONE_TRIED, type Tried } from "../selection/candidate.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";
import { Answer, type AnswerEdit, type AnswerOwner } from "./answer.ts";
import { HeadReader } from "./head-reader.ts";
import { DRAIN_BYTES } from "./limits.ts";
import type { ExchangeClient, ExchangeTools, MutableRequestEdit } from "./exchange-parts.ts";
import { answerWithout, type Failure, type LocalAnswer } from "./local-answer.ts";
import { Outlet } from "./outlet.ts";
import { CLIENT_LEFT } from "../observe/account.ts";
import { countsEnd } from "../observe/connection-end.ts";
import { httpFacts, RequestAccount } from "./request-account.ts";
import { RequestBody } from "./request-body.ts";
import type { Http1Upstream, UpstreamUser } from "./upstream.ts";

/**
 * One request and its answer, from the request's head until the answer went to the client: chooses an endpoint, sends, and
 * tries others as long as that cannot do harm. Used again for other requests, also of other connections.
 *
 *     start --pick--> attempt --idle connection, or dialled--> sent --first byte--> answer --whole--> over
 *                      ^  |                                     |                     |
 *                      |  +-- nothing reached the pod: always --+                     |
 *                      +----- idempotent, body kept, budget: reset before the first byte, or 502, 503, 504
 *     nothing left: 503 or 502 from here.  Cut short in the answer: the client is reset.  101: a tunnel.
 *
 * A reused connection that breaks before the first byte may just have been closed by the pod for being idle: the request
 * goes to the same endpoint again, on a new one.
 */
export class Exchange implements AnswerOwner, UpstreamUser, Asked {
  readonly request = new RequestHead();
  readonly reader = new HeadReader();
  readonly body: RequestBody;
  client!: ExchangeClient;
  route!: Route;
  startedMs = 0;
  readonly #answer: Answer;
  readonly #tools: ExchangeTools;
  readonly #toPod: Outlet;
  readonly toClient: Outlet;
  readonly #edit: MutableRequestEdit;
  #account: RequestAccount;
  #balancer!: Balancer;
  #context: PickContext | undefined;
  #attempts = 0;
  #tried: Tried = NONE_TRIED;
  #failure: Failure = "none";
  #endpoint: Endpoint | undefined;
  #upstream: Http1Upstream | undefined;
  #attemptMs = 0;
  /** Coarse. */
  #sentMs = 0;
  #firstByteMs = 0;
  /** The same while the piece is read that began the answer. */
  #beganMs = 0;
  #interims = 0;
  #close = false;

  constructor(tools: ExchangeTools) {
    this.#tools = tools;
    this.#toPod = new Outlet(tools.requestOut);
    this.toClient = new Outlet(tools.answerOut);
    this.body = new RequestBody(this.#toPod);
    this.#answer = new Answer(this, this.toClient);
    this.#account = new RequestAccount("http", tools.context.flows);
    this.#edit = {
      clientAddress: "",
      scheme: "http",
      stripBytes: 0,
      via: tools.context.via,
      upgrade: false,
      expect: true,
    };
  }

  get address(): string {
    return this.client.facts.address;
  }

  /** The final head of the answer went to the client. */
  get answering(): boolean {
    return this.#answer.headSent;
  }

  header(name: string): string | undefined {
    return this.request.header(name);
  }

  /** From here on it is for requests of `client`. */
  bind(client: ExchangeClient): void {
    this.client = client;
    this.toClient.end = client.client;
  }

  /** Begins. `route`, `startedMs` and the request's head are set, and what came of its body was read. */
  start(stripBytes: number): void {
    const { client, route, request } = this;
    const edit = this.#edit;
    edit.clientAddress = client.facts.address;
    edit.scheme = client.facts.scheme;
    edit.stripBytes = stripBytes;
    edit.upgrade = request.upgrade !== UPGRADE.NONE;
    this.#attempts = 0;
    const { balancer } = route;
    this.#balancer = balancer;
    this.#context = balancer.needs.kind === "none" ? undefined : pickContext(balancer, this);
    this.#attemptMs = this.startedMs;
    this.#account.start(route, client, this.startedMs);
    this.#next();
  }

  /** The client is gone, or gets `answer` for what it did: nothing else is told to it any more. */
  abort(answer?: LocalAnswer): void {
    const { headSent, head } = this.#answer;
    this.#tell(headSent ? head.status : (answer?.status ?? 0), answer?.reason ?? CLIENT_LEFT);
    this.#leave();
    this.#settle(undefined);
  }

  /** Called now and then while an answer is waited for: ends what takes too long, and leaves a pod that is gone. */
  look(nowMs: number): void {
    if (this.#answer.headSent) return;
    const { requestMs } = this.route.policy;
    const upstream = this.#upstream;
    if (requestMs > 0 && nowMs - this.startedMs > requestMs) this.#timeOut();
    else if (upstream?.end !== undefined && !this.#answer.begun && this.#waitsForPod()) {
      const { client } = this.client.flow.facts;
      if (this.#tools.upstreams.deserted(upstream, { sentMs: this.#sentMs, client })) this.#deserted();
    }
  }

  /** It is not the client on whom it depends how this goes on. */
  #waitsForPod(): boolean {
    return this.body.done || !this.body.accepts;
  }

  #timeOut(): void {
    this.#leave();
    this.#settle("timeout");
    this.#tell(504, "timeout");
    const text = `No answer within ${this.route.policy.requestMs} ms`;
    this.client.answerLocally({ status: 504, reason: "timeout", text });
  }

  /** The client took some of what was held. */
  clientTook(bytes: number): void {
    const gone = this.#answer.onTaken(bytes);
    if (gone > 0) this.#upstream?.end?.taken(gone);
  }

  /** Ready for the next request; keeps no memory of this one. */
  reset(): void {
    this.request.reset();
    this.reader.reset();
    this.body.reset();
    this.#answer.reset();
    this.#firstByteMs = 0;
    this.#interims = 0;
    this.#close = false;
    this.#context = undefined;
    if (this.#failure !== "none") this.#failure = "none";
    if (this.#tried !== NONE_TRIED) this.#tried = NONE_TRIED;
  }

  // Attempts

  #next(): void {
    const { route } = this;
    const endpoint =
      this.#attempts > route.policy.attempts ? undefined : this.#balancer.pick(this.#tried, this.#context);
    if (endpoint === undefined) this.#nothingLeft();
    else this.#attempt(endpoint);
  }

  #attempt(endpoint: Endpoint): void {
    if (this.#attempts++ > 0) this.#countRetry();
    this.#endpoint = endpoint;
    endpoint.inFlight++;
    this.#account.attempt(endpoint);
    this.client.flow.target = endpoint.wireId;
    const upstream = this.#tools.upstreams.take(endpoint, this.route.port);
    if (upstream === undefined) {
      this.#dial(endpoint);
      return;
    }
    upstream.user = this;
    this.#upstream = upstream;
    this.#send(upstream);
  }

  #countRetry(): void {
    this.#attemptMs = this.#tools.context.clock.monotonicMs();
    this.#tools.context.counters.retries++;
  }

  #dial(endpoint: Endpoint): void {
    const { upstreams } = this.#tools;
    const upstream = upstreams.make(endpoint, { route: this.route, user: this });
    this.#upstream = upstream;
    upstreams.dial(upstream, this.client.flow.facts.client);
  }

  #send(upstream: Http1Upstream): void {
    const { request, body } = this;
    this.#sentMs = this.#tools.nowMs;
    this.#toPod.end = upstream.end as SocketEnd | StreamEnd;
    request.write(this.#toPod.out, this.#edit);
    body.attach();
    if (!request.idempotent && !upstream.refusable) body.forget();
    this.client.bodyMoved();
  }

  onUpstreamOpen(): void {
    this.#send(this.#upstream as Http1Upstream);
  }

  onUpstreamFailed(): void {
    this.#upstream = undefined;
    this.#unreached();
  }

  onUpstreamTaken(): void {
    this.client.bodyMoved();
  }

  onUpstreamReset(code: ResetCode): void {
    const upstream = this.#upstream as Http1Upstream;
    this.#upstream = undefined;
    this.body.detach();
    if (this.#answer.begun) this.#broken("cut-short");
    else if (upstream.refusable && (code === "REFUSED" || code === "NO_ENDPOINT")) this.#unreached();
    else this.#lost(upstream);
  }

  onUpstreamFin(): void {
    this.#answer.onFin();
  }

  /** Nothing reached the pod: another one can have it, whatever it is. */
  #unreached(): void {
    this.#failure = "connect-failed";
    this.#settle("connectFailed");
    if (this.body.replayable) this.#next();
    else this.#nothingLeft();
  }

  /** The connection broke before the first byte of the answer: the pod may have got the request. */
  #lost(upstream: Http1Upstream): void {
    const endpoint = this.#endpoint as Endpoint;
    const again = this.request.idempotent && this.body.replayable;
    if (again && !upstream.fresh) {
      this.#countRetry();
      this.#account.repeated();
      this.#dial(endpoint);
      return;
    }
    this.#failure = "reset";
    this.#settle("reset");
    if (again && this.#attempts <= this.route.policy.attempts && this.#allowed()) this.#next();
    else this.#nothingLeft();
  }

  /** The pod cannot be reached any more, and may have got the request before. */
  #deserted(): void {
    this.#leave();
    this.#failure = "silent";
    this.#settle("timeout");
    const again = this.request.idempotent && this.body.replayable;
    if (again && this.#attempts <= this.route.policy.attempts && this.#allowed()) this.#next();
    else this.#nothingLeft();
  }

  #allowed(): boolean {
    if (this.route.policy.retryBudget.allow()) return true;
    this.#tools.context.counters.retriesOverBudget++;
    return false;
  }

  #nothingLeft(): void {
    const { service, port } = this.route;
    const answer = answerWithout(this.#failure, `${service}:${port}`);
    if (answer.status === 503) this.#tools.context.counters.unavailable++;
    this.#tell(answer.status, answer.reason);
    this.client.answerLocally(answer);
  }

  /** The endpoint's part is over. */
  #settle(outcome: Outcome | undefined): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    this.#endpoint = undefined;
    endpoint.inFlight--;
    this.#account.left();
    if (outcome === undefined) return;
    const untilMs = this.#firstByteMs > 0 ? this.#firstByteMs : this.#tools.context.clock.monotonicMs();
    this.#balancer.report(endpoint, outcome, untilMs - this.#attemptMs);
    if (outcome !== "ok" && outcome !== "serverError") this.#tried = [...this.#tried, endpoint];
  }

  #tell(status: number, reason?: string): void {
    if (!this.#account.open) return;
    // An answer that came in one piece ends when it began: that spares a look at the clock.
    const nowMs = this.#beganMs > 0 ? this.#beganMs : this.#tools.context.clock.monotonicMs();
    this.#account.tell(this.request, { nowMs, code: Math.trunc(status / 100), reason, status });
  }

  /** Lets go of the connection to the pod in the middle of things. */
  #leave(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.body.detach();
    upstream?.abandon();
  }

  // The answer

  onUpstreamData(chunk: Uint8Array): number {
    this.client.received += chunk.length;
    const passed = this.#answer.onData(chunk);
    this.#beganMs = 0;
    return passed;
  }

  answerBegan(): void {
    this.#firstByteMs = this.#tools.context.clock.monotonicMs();
    this.#beganMs = this.#firstByteMs;
  }

  interimHead(): void {
    this.#interims++;
    this.body.forget();
    this.client.interim();
  }

  finalHead(edit: AnswerEdit, inHand: boolean): boolean {
    const { status } = this.#answer.head;
    const { body, client, request } = this;
    if (status >= 502 && status <= 504 && this.#elsewhere(inHand)) return false;
    if (!client.staysOpen) edit.close = true;
    if (!body.done) {
      // The rest of the body is read away only where that is little.
      const left = body.leftBytes;
      const long = left === undefined ? status >= 400 : left > DRAIN_BYTES;
      if (long || (request.expectContinue && !body.begun)) edit.close = true;
      body.forget();
    }
    if (this.#balancer.needs.kind === "cookie") edit.extra = this.#cookieLine();
    this.#close = edit.close;
    client.flow.countTo(this.#account.row);
    this.#tools.context.counters.responded(status);
    return true;
  }

  switched(chunk: Uint8Array, at: number): number {
    const upstream = this.#upstream as Http1Upstream;
    const endpoint = this.#endpoint as Endpoint;
    const end = upstream.end as SocketEnd | StreamEnd;
    const { counters } = this.#tools.context;
    counters.upgrades++;
    counters.responded(101);
    // The flow counts the endpoint's request in flight from here on, and tells of it in the end.
    this.#passAccount();
    endpoint.inFlight++;
    this.#settle("ok");
    this.#upstream = undefined;
    upstream.user = undefined;
    return this.client.tunnel({ end, endpoint, rest: chunk.subarray(at) });
  }

  #passAccount(): void {
    const account = this.#account;
    const { clock, flows } = this.#tools.context;
    this.#account = new RequestAccount("http", flows);
    account.opened(clock.monotonicMs(), 1);
    this.client.flow.countTo(account.row);
    countsEnd(this.client.flow, { account, clock, http: httpFacts(this.request, 101) });
  }

  answered(reusable: boolean): void {
    const upstream = this.#upstream as Http1Upstream;
    const end = upstream.end as SocketEnd | StreamEnd;
    const { status } = this.#answer.head;
    this.#upstream = undefined;
    this.#settle(status >= 500 ? "serverError" : "ok");
    const { owedBytes } = this.#answer;
    if (owedBytes > 0) end.taken(owedBytes);
    if (!this.body.done || end.held > 0) upstream.abandon();
    else if (reusable && !end.closed) this.#tools.upstreams.put(upstream);
    else upstream.close();
    this.body.detach();
    this.#tell(status);
    this.client.answered(this.#close);
  }

  answerBroke(why: string): void {
    const upstream = this.#upstream as Http1Upstream;
    this.#leave();
    if (this.#answer.begun) this.#broken(why);
    else this.#lost(upstream);
  }

  /** 502, 503 or 504: another endpoint is tried where that cannot do harm, and this answer is dropped. */
  #elsewhere(inHand: boolean): boolean {
    const { request, body, route } = this;
    if (!request.idempotent || !body.replayable || this.#interims > 0) return false;
    if (this.#attempts > route.policy.attempts || !this.#allowed()) return false;
    const endpoint = this.#endpoint as Endpoint;
    const tried = [...this.#tried, endpoint];
    const next = this.#balancer.pick(tried, this.#context);
    if (next === undefined) return false;
    const upstream = this.#upstream as Http1Upstream;
    this.#upstream = undefined;
    this.#settle("serverError");
    this.#tried = tried;
    body.detach();
    if (inHand && this.#answer.head.keepAlive && body.done && upstream.end?.held === 0) upstream.close();
    else upstream.abandon();
    this.#answer.reset();
    this.#firstByteMs = 0;
    this.#attempt(next);
    return true;
  }

  /** The answer began and cannot be brought to its end. */
  #broken(why: string): void {
    this.#settle("reset");
    this.#tools.context.counters.refuse(`answer-${why}`);
    if (this.#answer.headSent) {
      this.#tell(this.#answer.head.status, why);
      this.client.cut();
      return;
    }
    const text = "The answer of the endpoint was not understood, or cut short";
    this.#tell(502, "bad-answer");
    this.client.answerLocally({ status: 502, reason: "bad-answer", text });
  }

  #cookieLine(): string | undefined {
    const endpoint = this.#endpoint as Endpoint;
    const cookie = affinityCookie(this.#balancer.needs, { endpoint, context: this.#context });
    return cookie === undefined ? undefined : `Set-Cookie: ${cookie}\r\n`;
  }
}

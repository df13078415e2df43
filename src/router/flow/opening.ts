import type { Clock } from "#core/clock.ts";
import type { ServiceStats } from "../counters.ts";
import { clientContext } from "../serving/client-context.ts";
import type { ConnectQueue, ConnectTarget } from "./connect-queue.ts";
import type { DialFor } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import type { End, Flow } from "./flow.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { Balancer, Outcome, PickContext } from "../selection/balancer.ts";
import { NONE_TRIED, type Tried } from "../selection/candidate.ts";
import type { ConnectPolicy } from "../service-table.ts";
import { Account } from "../observe/account.ts";
import { countsEnd } from "../observe/connection-end.ts";
import type { FlowLog } from "../observe/flow-log.ts";
import { SocketEnd } from "./socket-end.ts";
import { StreamEnd } from "./stream-end.ts";

/** Bytes of a client that are kept for another attempt; a client that sends more goes with the endpoint it has. */
const RETAIN_BYTES = 64 * 1024;

/** Codes that promise that nothing reached the endpoint. */
const SAFE_TO_RETRY: ReadonlySet<ResetCode> = new Set<ResetCode>(["REFUSED", "NO_ENDPOINT"]);

/** Where the connections of one listener go. */
export interface Route {
  readonly service: string;
  readonly port: number;
  balancer: Balancer;
  readonly stats: ServiceStats;
  policy: ConnectPolicy;
}

/** What opening a flow needs of the router. */
export interface OpeningContext {
  readonly clock: Clock;
  readonly connects: ConnectQueue;
  readonly flows: FlowLog;
  /** Opens a stream to an endpoint of another site; undefined when no link leads there now. */
  openRemote(endpoint: Endpoint, options: { readonly target: DialFor; readonly end: StreamEnd }): boolean;
}

/**
 * A client's connection from accept until an endpoint is sure: picks, connects, and tries others before the client
 * notices. Bytes that the client sends meanwhile are kept (at most 64 KiB, then it is paused).
 *
 *     pick --local----> connecting --open--------------------------> pump
 *      ^  \--remote---> stream opened, bytes flow, kept as well --first byte or FIN back, or 64 KiB sent--> pump
 *      |                     |
 *      +---- next one -------+--refused, nothing reached it; at most `attempts` more. None left: the client is reset
 *
 * Towards the client it stands for the endpoint that is not there yet; `#Trial` stands for the client towards the stream.
 */
export class Opening implements End, ConnectTarget {
  readonly peer: End;
  readonly received = 0;
  readonly held = 0;
  readonly #flow: Flow;
  readonly #client: SocketEnd;
  readonly #route: Route;
  readonly #context: OpeningContext;
  readonly #account: Account;
  #tried: Tried = NONE_TRIED;
  #attempt = 0;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #clientFin = false;
  #connecting: SocketEnd | undefined;
  #stream: StreamEnd | undefined;
  #done = false;
  /** When the endpoint was asked for something: the connect, or what it was sent first. */
  #askedMs = 0;
  #pick: PickContext | undefined;

  constructor(
    flow: Flow,
    options: { readonly client: SocketEnd; readonly route: Route; readonly context: OpeningContext },
  ) {
    this.#flow = flow;
    this.#client = options.client;
    this.peer = options.client;
    this.#route = options.route;
    this.#context = options.context;
    this.#account = new Account("tcp", options.context.flows);
  }

  start(): void {
    const flow = this.#flow;
    flow.far = this;
    this.#client.peer = this;
    this.#pick = clientContext(this.#route.balancer, flow.facts.client);
    const account = this.#account;
    account.begin(this.#route, this.#context.clock.monotonicMs());
    countsEnd(flow, { account, clock: this.#context.clock });
    this.#next();
  }

  deliver(chunk: Uint8Array): number {
    const stream = this.#stream;
    if (stream !== undefined && this.#keptBytes + chunk.length > RETAIN_BYTES) {
      this.#commit(stream);
      return stream.deliver(chunk);
    }
    if (this.#keptBytes === 0) this.#askedMs = this.#context.clock.monotonicMs();
    this.#kept.push(new Uint8Array(chunk));
    this.#keptBytes += chunk.length;
    if (stream !== undefined) return stream.deliver(chunk);
    return this.#keptBytes <= RETAIN_BYTES ? chunk.length : 0;
  }

  deliverFin(): void {
    this.#clientFin = true;
    this.#stream?.deliverFin();
  }

  /** The client is gone. */
  deliverReset(code: ResetCode, reason: string): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#connecting !== undefined) this.#context.connects.cancel(this.#connecting);
    this.#stream?.deliverReset(code, reason);
    this.#flow.abandon();
  }

  taken(bytes: number): void {
    this.#client.taken(bytes);
  }

  /** From the stream on trial: the endpoint answered. */
  confirmed(stream: StreamEnd): SocketEnd {
    if (stream === this.#stream && !this.#done) this.#commit(stream);
    return this.#client;
  }

  /** From the stream on trial: it broke before anything came back. */
  broke(stream: StreamEnd, code: ResetCode): void {
    if (stream !== this.#stream || this.#done) return;
    this.#stream = undefined;
    const untouched = this.#keptBytes === 0 && !this.#clientFin && code !== "DENIED";
    if (code === "REFUSED") this.#report("connectFailed");
    if (SAFE_TO_RETRY.has(code) || untouched) this.#again();
    else this.#giveUp();
  }

  #next(): void {
    const route = this.#route;
    const endpoint =
      this.#attempt > route.policy.attempts ? undefined : route.balancer.pick(this.#tried, this.#pick);
    if (endpoint === undefined) {
      this.#giveUp();
      return;
    }
    this.#attempt++;
    const flow = this.#flow;
    flow.endpoint = endpoint;
    flow.target = endpoint.wireId;
    endpoint.inFlight++;
    this.#account.attempt(endpoint);
    this.#askedMs = this.#context.clock.monotonicMs();
    if (endpoint.facts.host === undefined) this.#openStream(endpoint);
    else this.#connect(endpoint, endpoint.facts.host);
  }

  #again(): void {
    const { endpoint } = this.#flow;
    if (endpoint !== undefined) {
      endpoint.inFlight--;
      this.#flow.endpoint = undefined;
      this.#tried = [...this.#tried, endpoint];
    }
    this.#next();
  }

  #connect(endpoint: Endpoint, hostname: string): void {
    const end = new SocketEnd();
    this.#connecting = end;
    this.#context.connects.connect({
      hostname,
      port: endpoint.facts.ports.get(this.#route.port) ?? this.#route.port,
      timeoutMs: this.#route.policy.connectMs,
      end,
      target: this,
    });
  }

  onConnected(end: SocketEnd): void {
    this.#connecting = undefined;
    this.#report("ok");
    this.#commit(end);
    this.#replay(end);
  }

  onConnectFailed(): void {
    this.#connecting = undefined;
    this.#report("connectFailed");
    this.#again();
  }

  #openStream(endpoint: Endpoint): void {
    const stream = new StreamEnd();
    stream.peer = new Trial(this, stream);
    this.#stream = stream;
    if (!this.#context.openRemote(endpoint, { target: this.#flow.facts, end: stream })) {
      this.#stream = undefined;
      this.#again();
      return;
    }
    this.#replay(stream);
  }

  /** Hands everything kept to the new target; the client reads on as soon as that is taken. */
  #replay(target: End): void {
    let left = 0;
    for (const chunk of this.#kept) left += chunk.length - target.deliver(chunk);
    this.#client.owe(left);
    if (this.#clientFin) target.deliverFin();
  }

  #commit(target: SocketEnd | StreamEnd): void {
    this.#done = true;
    this.#account.opened(this.#context.clock.monotonicMs());
    this.#flow.countTo(this.#account.row);
    if (target === this.#stream) {
      this.#report("ok");
      this.#kept = [];
    }
    this.#flow.far = target;
    target.flow = this.#flow;
    target.peer = this.#client;
    this.#client.peer = target;
  }

  #giveUp(): void {
    this.#done = true;
    this.#flow.broken ??= this.#account.attempts === 0 ? "no-endpoints" : "connect-failed";
    this.#client.deliverReset();
    this.#flow.abandon();
  }

  #report(outcome: Outcome): void {
    const { endpoint } = this.#flow;
    if (endpoint === undefined) return;
    this.#route.balancer.report(endpoint, outcome, this.#context.clock.monotonicMs() - this.#askedMs);
  }
}

/** Stands for the client towards a stream that may still be refused. */
class Trial implements End {
  readonly peer: End;
  readonly received = 0;
  readonly held = 0;
  readonly #opening: Opening;
  readonly #stream: StreamEnd;

  constructor(opening: Opening, stream: StreamEnd) {
    this.peer = stream;
    this.#opening = opening;
    this.#stream = stream;
  }

  deliver(chunk: Uint8Array): number {
    return this.#opening.confirmed(this.#stream).deliver(chunk);
  }

  deliverFin(): void {
    this.#opening.confirmed(this.#stream).deliverFin();
  }

  deliverReset(code: ResetCode): void {
    this.#opening.broke(this.#stream, code);
  }

  taken(bytes: number): void {
    this.#opening.taken(bytes);
  }
}

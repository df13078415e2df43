import type { H2Counters } from "#http/h2/counters.ts";
import { H2_ERROR } from "#http/h2/constants.ts";
import { CLIENT_LIMITS } from "#http/h2/limits.ts";
import { Session } from "#http/h2/session.ts";
import type { H2Handler, H2Stream } from "#http/h2/types.ts";
import type { Field } from "#http/hpack/field.ts";
import type { Clock } from "#core/clock.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { Upstream } from "../dial.ts";
import { NOWHERE, type End } from "../flow/flow.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { StreamEnd } from "../flow/stream-end.ts";

/** Who owns an upstream connection. */
export interface UpstreamOwner {
  /** It takes requests from now on. */
  opened(upstream: Http2Upstream): void;
  /** It is known how many requests it takes. */
  settled(upstream: Http2Upstream): void;
  /** It could not be made. */
  failed(upstream: Http2Upstream): void;
  /** It takes no more requests; those it has may go on. */
  retired(upstream: Http2Upstream): void;
  /** It may take more requests than a moment ago. */
  freed(upstream: Http2Upstream): void;
  /** Nothing is left of it. */
  closed(upstream: Http2Upstream): void;
}

export interface UpstreamOptions {
  readonly owner: UpstreamOwner;
  readonly clock: Clock;
  readonly counters: H2Counters;
  /** Runs it at the end of the turn. */
  readonly soon: (fn: () => void) => void;
}

/** Requests on one connection at most. */
const MAX_REQUESTS = 128;
/** Each request may fill its own window without filling the connection's: a client that stops reading never stops another's. */
const CONNECTION_WINDOW_BYTES = MAX_REQUESTS * CLIENT_LIMITS.maxStreamWindowBytes;

/** When nothing comes back for so long after something was sent, a PING asks for a sign of life, ms. */
const QUIET_MS = 1000;
/** A PING that is not answered for so long: nothing new is sent to this endpoint over this connection, ms. */
const SUSPECT_MS = 1000;
/**
 * gRPC servers take it ill (GOAWAY, "too_many_pings") when a client pings more often without an answer's headers or data in
 * between.
 */
const MAX_PINGS = 2;
const PING_PAUSE_MS = 300_000;

/** How long the endpoint has to close a connection that we have ended, ms. */
const LINGER_MS = 1000;

/**
 * An HTTP/2 connection to an endpoint: over a socket to a pod of this site, over a stream on a link to one of another.
 *
 *     dialling --onOpen--> open --GOAWAY of the pod, idle, its link drains--> retired --last request over--> ending
 *         |                 +------ error of the pod's -------------------------+------------------------------^  |
 *         +- onDialFailed --+---- FIN or reset of the pod ----------------------+---------------------------------+--> closed
 *
 * Back-pressure: HTTP/2's own windows bound what comes; what the end does not take makes the session hold DATA back.
 *
 * An endpoint that is silent for a second after something was sent is pinged. A second later nothing new is sent here until
 * it says something: it may only be busy. After 10 s without an answer the connection is given up.
 */
export class Http2Upstream implements Upstream {
  received = 0;
  readonly held = 0;
  /** Requests on it. */
  busy = 0;
  /** Went away with the promise that no byte reached the endpoint. */
  untouched = false;
  readonly #owner: UpstreamOwner;
  readonly #clock: Clock;
  readonly #session: Session;
  #end: SocketEnd | StreamEnd | undefined;
  #state: "dialling" | "open" | "retired" | "ending" | "closed" = "dialling";
  /** When it was last seen in use; when it was ended. */
  #sinceMs: number;
  #used = false;
  /** Something was sent since the last byte came; since when, as far as the timer knows (0: not yet). */
  #expecting = false;
  #expectingMs = 0;
  /** The PING that is not answered yet was sent then; 0 when there is none. */
  #pingMs = 0;
  #lastPingMs = 0;
  /** Since the last headers or data of an answer. */
  #pings = 0;
  /** The endpoint is silent: other requests do not wait for it. */
  #suspect = false;

  constructor({ owner, clock, counters, soon }: UpstreamOptions) {
    this.#owner = owner;
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
    this.#session = new Session({
      role: "client",
      clock,
      counters,
      soon,
      // When to ping is decided here.
      limits: { connectionWindowBytes: CONNECTION_WINDOW_BYTES, pingMs: Number.POSITIVE_INFINITY },
      send: (bytes) => this.#send(bytes),
      events: {
        onGoAway: () => this.retire(),
        onClosed: (reason, code) => this.#over(reason, code),
        onSettings: () => this.#owner.settled(this),
      },
    });
  }

  get peer(): End {
    return this.#end ?? NOWHERE;
  }

  /** It takes another request now. */
  get canOpen(): boolean {
    return this.#state === "open" && this.busy < MAX_REQUESTS && !this.#suspect && this.#session.canOpen;
  }

  /** Sends a request; undefined when it takes no more now. */
  request(fields: readonly Field[], endStream: boolean, handler: H2Handler): H2Stream | undefined {
    if (!this.canOpen) return undefined;
    const stream = this.#session.request(fields, endStream, handler);
    if (stream === undefined) return undefined;
    this.busy++;
    this.#used = true;
    return stream;
  }

  /** Headers or data of an answer came. */
  answered(): void {
    this.#pings = 0;
  }

  /** A request on it is over. */
  done(): void {
    this.busy--;
    if (this.#state === "open") this.#owner.freed(this);
  }

  onOpen(end: SocketEnd | StreamEnd): void {
    this.#end = end;
    this.#state = "open";
    this.#session.start();
    this.#owner.opened(this);
  }

  onDialFailed(): void {
    if (this.#state !== "dialling") return;
    this.#state = "closed";
    this.untouched = true;
    this.#owner.failed(this);
  }

  deliver(chunk: Uint8Array): number {
    this.received += chunk.length;
    if (this.#expecting) this.#heard();
    if (this.#state !== "closed") this.#session.receive(chunk);
    return chunk.length;
  }

  deliverFin(): void {
    this.#lost("The endpoint closed the connection");
    if (this.#end?.closed === false) this.#end.deliverFin();
  }

  deliverReset(code: ResetCode, reason: string): void {
    this.untouched = this.received === 0 && (code === "REFUSED" || code === "NO_ENDPOINT");
    this.#lost(reason);
  }

  taken(): void {
    if (this.#end?.held === 0) this.#session.transportBlocked(false);
  }

  /** Takes no more requests, and is closed when those it has are over. */
  retire(): void {
    if (this.#state !== "open") return;
    this.#state = "retired";
    this.#owner.retired(this);
    this.#session.goAway();
  }

  /** From the coarse timer. `idleMs`: how long it is kept without a request. */
  tick(nowMs: number, idleMs: number): void {
    if (this.#state === "ending") {
      if (nowMs - this.#sinceMs < LINGER_MS) return;
      this.destroy("Did not close");
      return;
    }
    if (this.#used || this.busy > 0) {
      this.#used = false;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs >= idleMs) this.retire();
    if (this.#linkDrains()) this.retire();
    if (this.#expecting && this.busy > 0) this.#listen(nowMs);
    if (this.#end !== undefined) this.#session.tick(nowMs);
  }

  /** Breaks it now; requests on it are lost. */
  destroy(reason: string): void {
    const end = this.#end;
    this.#lost(reason);
    end?.deliverReset("RESET_BY_PEER", reason);
  }

  #send(bytes: Uint8Array): boolean {
    const end = this.#end;
    if (end === undefined || end.closed) return false;
    this.#expecting = true;
    if (end.deliver(bytes) === bytes.length) return end.held === 0;
    this.#session.transportBlocked(true);
    return false;
  }

  #heard(): void {
    this.#expecting = false;
    this.#expectingMs = 0;
    this.#pingMs = 0;
    if (!this.#suspect) return;
    this.#suspect = false;
    this.#owner.freed(this);
  }

  /** Something was sent and nothing came back yet. */
  #listen(nowMs: number): void {
    if (this.#expectingMs === 0) this.#expectingMs = nowMs;
    else if (this.#pingMs > 0) this.#suspect = nowMs - this.#pingMs >= SUSPECT_MS;
    else if (nowMs - this.#expectingMs >= QUIET_MS) {
      if (this.#pings >= MAX_PINGS && nowMs - this.#lastPingMs < PING_PAUSE_MS) return;
      this.#pings++;
      this.#pingMs = nowMs;
      this.#lastPingMs = nowMs;
      this.#session.ping();
    }
  }

  /** Streams of a link that is going away are not used for new requests. */
  #linkDrains(): boolean {
    return this.#end instanceof StreamEnd && this.#end.draining;
  }

  /** The transport is gone: every request on it hears of it. */
  #lost(reason: string): void {
    if (this.#state === "closed") return;
    if (this.#state === "dialling") this.untouched = true;
    this.#state = "closed";
    this.#session.lost(reason);
    this.#owner.closed(this);
  }

  /** The session is over: it has finished, or the endpoint broke the protocol or is silent. What it said last still goes out. */
  #over(reason: string, code: number | undefined): void {
    if (this.#state === "closed" || this.#state === "ending") return;
    this.#state = "ending";
    this.#sinceMs = this.#clock.monotonicMs();
    this.#owner.retired(this);
    if (code === H2_ERROR.NO_ERROR) this.#end?.deliverFin();
    else this.destroy(reason);
  }
}

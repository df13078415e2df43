import type { Endpoint } from "../endpoint.ts";
import type { ConnectPolicy } from "../service-table.ts";
import type { DialFor } from "../dial.ts";
import type { Attempt } from "./attempt.ts";
import type { Http2Upstream, UpstreamOwner } from "./upstream.ts";

/** Connections to one endpoint and port at most; a new one is made only when all others have as many requests as the pod allows. */
const MAX_CONNECTIONS = 64;

/** What waits for a connection that is being made is told by that one; it is a little late. */
const SLACK_MS = 100;

export interface EndpointConnectionsOptions {
  readonly endpoint: Endpoint;
  readonly target: DialFor;
  /** Makes a connection and begins to dial it. */
  readonly dial: (upstream: Http2Upstream, timeoutMs: number) => void;
  readonly make: (owner: UpstreamOwner) => Http2Upstream;
}

/**
 * The HTTP/2 connections to one endpoint and port. Requests go to the first that takes one, so that few are in use and
 * the others fall idle; when none does, they wait here while another connection is made.
 */
export class EndpointConnections implements UpstreamOwner {
  readonly port: number;
  readonly #options: EndpointConnectionsOptions;
  /** That may take requests, in order of use. */
  readonly #open: Http2Upstream[] = [];
  /** All that are not closed. */
  readonly #all = new Set<Http2Upstream>();
  readonly #waiting = new Set<Attempt>();
  /** Being made: how many requests it takes is not known before the pod's SETTINGS. */
  #dialling: Http2Upstream | undefined;
  #policy: ConnectPolicy;
  /** Where its connections lead; when the endpoint moves, they are retired. */
  #facts: Endpoint["facts"];

  constructor(options: EndpointConnectionsOptions, policy: ConnectPolicy) {
    this.#options = options;
    this.port = options.target.port;
    this.#policy = policy;
    this.#facts = options.endpoint.facts;
  }

  /** Connections that are open or being made. */
  get size(): number {
    return this.#all.size;
  }

  get unused(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0;
  }

  /** Sends the attempt, or lets it wait for a connection; it hears `unreached` when there is none in time. */
  submit(attempt: Attempt, policy: ConnectPolicy): void {
    this.#policy = policy;
    if (this.#facts !== this.#options.endpoint.facts) this.#moved();
    for (const upstream of this.#open) if (attempt.send(upstream)) return;
    this.#waiting.add(attempt);
    this.#dial();
  }

  /** The attempt is not wanted any more. */
  cancel(attempt: Attempt): void {
    this.#waiting.delete(attempt);
  }

  /** Takes over an open connection, or one that is being made. */
  add(upstream: Http2Upstream): void {
    this.#all.add(upstream);
  }

  opened(upstream: Http2Upstream): void {
    this.#open.push(upstream);
    this.#pump();
  }

  failed(upstream: Http2Upstream): void {
    this.#all.delete(upstream);
    if (this.#dialling === upstream) this.#dialling = undefined;
    // Where others are open, requests go on waiting for those; a request that waits too long is told by `tick`.
    if (this.#open.length === 0) this.#tellWaiting("connect-failed");
  }

  retired(upstream: Http2Upstream): void {
    const index = this.#open.indexOf(upstream);
    if (index >= 0) this.#open.splice(index, 1);
    if (this.#waiting.size > 0) this.#pump();
  }

  settled(upstream: Http2Upstream): void {
    if (this.#dialling === upstream) this.#dialling = undefined;
    this.freed();
  }

  freed(): void {
    if (this.#waiting.size > 0) this.#pump();
  }

  closed(upstream: Http2Upstream): void {
    this.#all.delete(upstream);
    if (this.#dialling === upstream) this.#dialling = undefined;
    this.retired(upstream);
  }

  tick(nowMs: number): void {
    for (const upstream of this.#all) upstream.tick(nowMs, this.#policy.httpIdleMs);
    if (this.#waiting.size === 0) return;
    this.#pump();
    for (const attempt of this.#waiting) {
      if (nowMs - attempt.startedMs <= this.#policy.connectMs + SLACK_MS) return;
      this.#waiting.delete(attempt);
      attempt.unreached("overloaded");
    }
  }

  close(): void {
    for (const upstream of this.#all) upstream.destroy("The router stops");
    this.#tellWaiting("connect-failed");
  }

  #pump(): void {
    for (const attempt of this.#waiting) {
      const upstream = this.#open.find(({ canOpen }) => canOpen);
      if (upstream === undefined) {
        this.#dial();
        return;
      }
      this.#waiting.delete(attempt);
      if (attempt.send(upstream)) continue;
      this.#waiting.add(attempt);
      return;
    }
  }

  #dial(): void {
    if (this.#dialling !== undefined || this.#all.size >= MAX_CONNECTIONS) return;
    const upstream = this.#options.make(this);
    this.#all.add(upstream);
    this.#dialling = upstream;
    this.#options.dial(upstream, this.#policy.connectMs);
  }

  #tellWaiting(reason: "connect-failed"): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const attempt of waiting) attempt.unreached(reason);
  }

  #moved(): void {
    const before = this.#facts;
    const now = this.#options.endpoint.facts;
    this.#facts = now;
    if (before.host === now.host && before.ports.get(this.port) === now.ports.get(this.port)) return;
    for (const upstream of this.#open.slice()) upstream.retire();
  }
}

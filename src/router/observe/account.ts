import type { Endpoint } from "../endpoint.ts";
import type { Route } from "../flow/opening.ts";
import type { Balancer } from "../selection/balancer.ts";
import type { EndedFlow, FlowLog } from "./flow-log.ts";
import { trafficTo, trafficToNobody } from "./traffic-ledger.ts";
import type { TrafficCounts, TrafficProtocol } from "./traffic-row.ts";

/** The client did not wait for the end: nobody else failed. */
export const CLIENT_LEFT = "client-left";

/** How a request or a connection ended. */
export interface Ending {
  /** Monotonic, ms. */
  readonly nowMs: number;
  /** Class of the answer's status, 1 to 5; 0 where there is none. */
  readonly code: number;
  /** Why it failed, where this router knows. */
  readonly reason: string | undefined;
}

/**
 * Counts one request, or one connection, with all its attempts, and has it recorded when its turn comes. Used again by who has one
 * after the other; allocates only for a record.
 *
 *     begin --> attempt (--> attempt)* --> ended --true--> record
 */
export class Account {
  protocol: TrafficProtocol;
  /** Of the last attempt. */
  row: TrafficCounts | undefined;
  attempts = 0;
  startedMs = 0;
  readonly #log: FlowLog;
  #route!: Route;
  #open = false;
  #opened = false;
  #busy = false;
  #way: Balancer["way"] = "turn";
  #tier = 0;

  constructor(protocol: TrafficProtocol, log: FlowLog) {
    this.protocol = protocol;
    this.#log = log;
  }

  /** It has begun, and not ended. */
  get open(): boolean {
    return this.#open;
  }

  /** It is a connection that stands, or stood. */
  get isOpened(): boolean {
    return this.#opened;
  }

  begin(route: Route, startedMs: number): void {
    this.#route = route;
    this.startedMs = startedMs;
    this.attempts = 0;
    this.row = undefined;
    this.#open = true;
    this.#opened = false;
  }

  /** `endpoint` was picked just now, and is asked. */
  attempt(endpoint: Endpoint): void {
    const { balancer, stats } = this.#route;
    this.repeated();
    this.left();
    const row = trafficTo(endpoint, stats, this.protocol);
    row.active++;
    this.row = row;
    this.#busy = true;
    this.#way = balancer.way;
    this.#tier = balancer.tier;
  }

  /** The last attempt is made again, at the same endpoint or at another. */
  repeated(): void {
    if (this.attempts++ > 0 && this.row !== undefined) this.row.retries++;
  }

  /** The attempt is over. */
  left(): void {
    if (!this.#busy) return;
    this.#busy = false;
    (this.row as TrafficCounts).active--;
  }

  /** Counts a request and its end. True: tell `record` of it. */
  ended(ending: Ending): boolean {
    const { nowMs, code } = ending;
    const row = this.#endOf(ending);
    row.total++;
    if (code > 0) {
      (row.codes[code - 1] as number)++;
      row.took(nowMs - this.startedMs);
    }
    return this.#log.wants(nowMs, failed(ending));
  }

  /** A connection was made, by an answer with that class of status for HTTP: the rest of its life is counted by `closed`. */
  opened(nowMs: number, code = 0): void {
    const row = this.row as TrafficCounts;
    this.#opened = true;
    row.total++;
    if (code > 0) (row.codes[code - 1] as number)++;
    row.took(nowMs - this.startedMs);
  }

  /** Counts the end of a connection that was opened. True: tell `record` of it. */
  closed(ending: Ending): boolean {
    this.#endOf(ending);
    return this.#log.wants(ending.nowMs, failed(ending));
  }

  record(ending: Ending, of: Pick<EndedFlow, "client" | "bytesToEndpoint" | "bytesToClient" | "http">): void {
    this.#log.add({
      row: this.row as TrafficCounts,
      durationMs: Math.round((ending.nowMs - this.startedMs) * 1000) / 1000,
      attempts: Math.max(1, this.attempts),
      failed: failed(ending),
      reason: ending.reason,
      why: this.#why(),
      client: of.client,
      bytesToEndpoint: of.bytesToEndpoint,
      bytesToClient: of.bytesToClient,
      http: of.http,
    });
  }

  #endOf({ code, reason }: Ending): TrafficCounts {
    this.#open = false;
    this.left();
    this.row ??= trafficToNobody(this.#route.stats, this.protocol);
    // What the client did itself is no failure of anybody else.
    if (reason !== undefined && reason !== CLIENT_LEFT && code !== 4) this.row.failures++;
    return this.row;
  }

  /** Why this endpoint, in a few words. */
  #why(): string {
    if (this.attempts === 0) return "no endpoint may be used";
    const { policy, plan } = this.#route.balancer;
    const words: string[] = [wordsOf(this.#way, policy)];
    if (plan.count > 1) words.push(`tier ${this.#tier + 1} of ${plan.count}`);
    if (this.attempts > 1) words.push(`attempt ${this.attempts}`);
    return words.join(", ");
  }
}

function failed({ code, reason }: Ending): boolean {
  return code === 5 || reason !== undefined;
}

function wordsOf(way: Balancer["way"], policy: Balancer["policy"]): string {
  switch (way) {
    case "turn":
      return `${policy.spread}, ${policy.algorithm}`;
    case "hash":
      return `hash of ${policy.hash?.source ?? "the client"}`;
    case "cookie":
      return "the client's affinity cookie";
    case "trial":
      return "trial after an ejection";
    default:
      return way satisfies never;
  }
}

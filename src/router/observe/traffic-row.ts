import { DURATION_BOUNDS_MS, type TrafficRow } from "./observation.ts";

export type TrafficProtocol = TrafficRow["protocol"];

/** What a row counts. */
export interface TrafficKey {
  /** `namespace/name` */
  readonly service: string;
  readonly port: number;
  readonly protocol: TrafficProtocol;
  /** "" for what no endpoint was found for. */
  readonly siteId: string;
  /** `site/endpoint`; "" for what no endpoint was found for; `site/` for what endpoints of that site had that are gone. */
  readonly endpoint: string;
}

/**
 * What went from this router's clients to one endpoint, for one port of a service: plain numbers, counted on the hot path
 * and read when someone asks. All but `active` only grow. A request finds its row at its endpoint (`trafficTo`), by identity.
 */
export class TrafficCounts {
  readonly key: TrafficKey;
  /** The pod, as it was named last. */
  endpointName = "";
  total = 0;
  active = 0;
  /** By class of the status, 1xx first. */
  readonly codes: number[];
  failures = 0;
  retries = 0;
  bytesToEndpoint = 0;
  bytesToClient = 0;
  readonly durations: number[] = Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0);
  durationSumMs = 0;
  /** Of connections that live: owned by who reads, and set anew for each reading. */
  liveToEndpoint = 0;
  liveToClient = 0;
  /** Owned by `TrafficLedger`: the version of its last change, and what it was then. */
  version = 0;
  seenGrowth = -1;
  seenActive = 0;
  /** Owned by `TrafficLedger`: since when the endpoint is not known any more, ms; -1 while it is. */
  goneMs = -1;

  constructor(key: TrafficKey) {
    this.key = key;
    this.codes = key.protocol === "tcp" ? [] : [0, 0, 0, 0, 0];
  }

  /** A request was answered, or a connection to the endpoint was made, within `ms`. */
  took(ms: number): void {
    let bucket = 0;
    while (bucket < DURATION_BOUNDS_MS.length && ms > (DURATION_BOUNDS_MS[bucket] as number)) bucket++;
    (this.durations[bucket] as number)++;
    this.durationSumMs += ms;
  }

  /** Adds the counts of a row whose endpoint is gone. */
  absorb(other: TrafficCounts): void {
    this.total += other.total;
    this.failures += other.failures;
    this.retries += other.retries;
    this.bytesToEndpoint += other.bytesToEndpoint;
    this.bytesToClient += other.bytesToClient;
    this.durationSumMs += other.durationSumMs;
    for (const [index, count] of other.codes.entries()) (this.codes[index] as number) += count;
    for (const [bucket, count] of other.durations.entries()) (this.durations[bucket] as number) += count;
  }

  /** Grows with everything but `active`. */
  get growth(): number {
    const { total, failures, retries, bytesToEndpoint, bytesToClient, liveToEndpoint, liveToClient } = this;
    return total + failures + retries + bytesToEndpoint + bytesToClient + liveToEndpoint + liveToClient;
  }
}

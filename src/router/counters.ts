import { TrafficLedger } from "./observe/traffic-ledger.ts";

/** Plain integers, counted on the hot path and read when someone asks. All only grow, except where said. */
export class ServiceStats {
  readonly service: string;
  readonly port: number;
  /** Where what goes to its endpoints is counted. */
  readonly ledger: TrafficLedger;
  /** Accepted from clients, whatever is spoken on them. */
  connections = 0;

  constructor(service: string, port: number, ledger = new TrafficLedger()) {
    this.service = service;
    this.port = port;
    this.ledger = ledger;
  }
}

export class RouterCounters {
  inboundStreams = 0;
  relayedStreams = 0;
  /** Streams refused, by reason. */
  refusedForged = 0;
  refusedUnknownService = 0;
  refusedUnknownEndpoint = 0;
  refusedLoop = 0;
  refusedHops = 0;
  refusedNoRoute = 0;
  refusedConnect = 0;
  idleReaped = 0;
  /** Advertisements, by what became of them. */
  advertisementsSent = 0;
  advertisementsAccepted = 0;
  advertisementsDuplicate = 0;
  advertisementsStale = 0;
  advertisementsForged = 0;
  advertisementsMalformed = 0;
  configReloads = 0;
  configRefused = 0;
}

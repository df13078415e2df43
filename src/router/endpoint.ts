import type { TrafficLink } from "./observe/traffic-ledger.ts";

/** Where a connection may go: one pod or address of one service, in this site or in another, as this router sees it. */
export interface EndpointFacts {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready, for people; "terminating" when it goes. */
  readonly reason?: string | undefined;
  readonly weight: number;
  /** Service port -> port of the pod (in another site: to itself). */
  readonly ports: ReadonlyMap<number, number>;
  /** Address of a local endpoint; undefined in another site. */
  readonly host: string | undefined;
  /** Kubernetes' topology zone. */
  readonly zone?: string | undefined;
}

/**
 * State of an endpoint that outlives configurations: the same object as long as the endpoint is known, so that counts
 * survive a reload. What is learnt of it per port is in the balancers' candidates.
 */
export class Endpoint {
  readonly siteId: string;
  readonly id: string;
  /** `site/endpoint`: unique in the network, and its name in OPEN. */
  readonly wireId: string;
  facts: EndpointFacts;
  /** Requests and connections from here that are under way. */
  inFlight = 0;
  /** All that were ever given to it from here. */
  picked = 0;
  /** What is counted of it here, by port and protocol. */
  traffic: TrafficLink | undefined;

  constructor(siteId: string, id: string, facts: EndpointFacts) {
    this.siteId = siteId;
    this.id = id;
    this.wireId = `${siteId}/${id}`;
    this.facts = facts;
  }
}

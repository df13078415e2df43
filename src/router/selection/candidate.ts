import type { Endpoint } from "../endpoint.ts";

/** What a turn is given to: an endpoint, or a cluster with its endpoints. */
export interface Turn {
  /** > 0. */
  weight: number;
  /** Virtual time from which its next turn may be taken. */
  eligible: number;
}

/** An endpoint among those that may be chosen for one service and port. */
export class Candidate implements Turn {
  readonly endpoint: Endpoint;
  weight: number;
  /** Cost of the cheapest path to its site; 0 for this site. */
  cost: number;
  eligible = 0;
  /** Finish tag of `LeastLoaded`. */
  finish = 0;
  /** Number of the pick that took it last: ties go to who waited longest. */
  lastPick = 0;

  constructor(endpoint: Endpoint, cost: number) {
    this.endpoint = endpoint;
    this.weight = endpoint.facts.weight;
    this.cost = cost;
  }
}

/** Endpoints that were tried for this connection and must not be chosen again. */
export type Tried = readonly Endpoint[];

export const NONE_TRIED: Tried = [];

/** One way of choosing. `update` keeps the state of candidates that stay (same object), `pick` counts the choice. */
export interface Selector {
  update(candidates: readonly Candidate[]): void;
  pick(tried: Tried): Candidate | undefined;
}

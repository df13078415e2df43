import type { Endpoint } from "../endpoint.ts";
import { hash32 } from "./hash.ts";
import { Latency } from "./latency.ts";
import { PassiveHealth } from "./passive-health.ts";

/** What a turn is given to: an endpoint, a cluster with its endpoints, a tier. */
export interface Turn {
  /** > 0. */
  weight: number;
  /** Virtual time from which its next turn may be taken. */
  eligible: number;
}

/** Why an endpoint gets nothing at the moment. */
export type Exclusion =
  | "not ready"
  /** Not ready because it terminates. */
  | "draining"
  | "unreachable"
  /** Its own weight, or that of its cluster in the policy. */
  | "weight 0"
  | "ejected"
  /** Its cluster is not among the targets, or the mode is Local. */
  | "not a target"
  | "tier not in use";

/** What one balancer knows of an endpoint; the same object as long as the endpoint is offered. */
export class Candidate implements Turn {
  readonly endpoint: Endpoint;
  /** For rendezvous hashing. */
  readonly seed: number;
  readonly health = new PassiveHealth();
  readonly latency = new Latency();
  weight: number;
  /** Cost of the cheapest path to its site; 0 for this site. */
  cost: number;
  /** Name of its site. */
  cluster = "";
  local = false;
  /** A path leads to its site. */
  reachable = true;
  /** It is ready, and can be reached. */
  answers = true;
  /** Of its cluster, in the policy. */
  clusterWeight = 1;
  /** Number of its tier; -1 when its cluster is not a target. */
  tier = -1;
  /** Undefined when it may be chosen. */
  why: Exclusion | undefined;
  eligible = 0;
  /** Finish tag of `LeastLoaded`. */
  finish = 0;
  /** Number of the pick that took it last: ties go to who waited longest. */
  lastPick = 0;

  constructor(endpoint: Endpoint, cost: number) {
    this.endpoint = endpoint;
    this.seed = hash32(endpoint.wireId);
    this.weight = endpoint.facts.weight;
    this.cost = cost;
  }

  /** It is chosen by other rules from now on. */
  forgetTurns(): void {
    this.eligible = 0;
    this.finish = 0;
    this.lastPick = 0;
  }
}

/** Endpoints that were tried for this request and must not be chosen again. */
export type Tried = readonly Endpoint[];

export const NONE_TRIED: Tried = [];

/** One way of choosing. `update` keeps the state of candidates that stay (same object). */
export interface Selector {
  update(candidates: readonly Candidate[]): void;
  /** Who is next; none of `tried`. Changes nothing: `take` does. */
  choose(tried: Tried): Candidate | undefined;
  /** Counts a choice. */
  take(candidate: Candidate): void;
}

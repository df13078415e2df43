import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Dialer } from "../dial.ts";
import type { Route } from "../flow/opening.ts";
import type { FlowLog } from "../observe/flow-log.ts";
import type { HttpCounters } from "./counters.ts";

/** Where a request goes, by its path; how much of the path is cut off first. */
export interface RouteMatch {
  readonly route: Route;
  /** Bytes of the path that are removed before it is sent on; what is left always begins with "/". */
  readonly stripBytes: number;
}

/** Which service a request is for: the one of the listener, or one of many by path. */
export interface Routes {
  /** `path` is the target in origin form, without the query. */
  find(path: string): RouteMatch | undefined;
  /** Set where there is one service only, so that the path need not be looked at. */
  readonly only: Route | undefined;
}

/** What HTTP connections need of the router. One for all listeners. */
export interface HttpContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly counters: HttpCounters;
  readonly flows: FlowLog;
  /** `Via` is sent with this name; undefined sends none. */
  readonly via: string | undefined;
}

/** How a client came in. */
export interface HttpClientFacts {
  /** IP address, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly scheme: "http" | "https";
}

import type { Http1Upstream } from "./upstream.ts";

/** What is known of the way to one endpoint and port. */
export interface Shelf {
  readonly port: number;
  /** Connections that nobody uses; the one used last is at the end. */
  readonly idle: Http1Upstream[];
  /** It is looked at by the timer. */
  listed: boolean;
  /** When a byte came from the pod, or a connection to it was made; coarse ms. */
  heardMs: number;
  /** When it could not be reached, after it had been silent. */
  deadMs: number;
  /** A connection is being made only to see whether there is still somebody. */
  probing: boolean;
}

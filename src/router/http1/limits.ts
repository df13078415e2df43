/** How often all connections are looked at: timeouts are kept within this, ms. */
export const LOOK_MS = 250;

/** From the first byte of a request's head until its last, ms. */
export const HEAD_TIMEOUT_MS = 10_000;
/** A request's body that brings no byte for so long is given up, ms. */
export const BODY_TIMEOUT_MS = 30_000;
/** After our end of a client's connection, until its end, ms: an answer must not be lost to an RST. */
export const LINGER_MS = 2000;
/** A body that is still coming when it was answered already is read away, so much and so long; then the connection closes. */
export const DRAIN_BYTES = 256 * 1024;
export const DRAIN_MS = 2000;
/** Between requests, where no route says it, ms. */
export const DEFAULT_IDLE_MS = 60_000;

/** A body is kept for another attempt while it is no longer than this. */
export const KEPT_BYTES = 64 * 1024;

/** Pieces of a body up to this are copied behind what waits to be sent, so that they leave in one write. */
export const JOIN_BYTES = 16 * 1024;
/** What is joined leaves when it is longer than this. */
export const FLUSH_BYTES = 64 * 1024;

/**
 * How long a connection to a pod is kept without use, ms. Less than any common server keeps it (Node, uvicorn and Apache:
 * 5 s), so that it is hardly ever used in the moment in which the server closes it: a POST must not be sent again then.
 */
export const UPSTREAM_IDLE_MS = 4000;
/** Unused connections to one endpoint, and to all. Enough for as many requests to end within one turn. */
export const MAX_IDLE_PER_ENDPOINT = 1024;
export const MAX_IDLE = 4096;
/** A connection to a pod that is closed in order waits so long for the pod's end, ms. */
export const UPSTREAM_LINGER_MS = 1000;
/**
 * When a request waits for its answer and its pod has said nothing to anybody for so long, ms, a new connection shows
 * whether the pod is still there. When it cannot be made, what waits for the pod goes elsewhere.
 */
export const SILENCE_MS = 1000;
/** Exchanges kept for the next requests. */
export const SPARE_EXCHANGES = 512;

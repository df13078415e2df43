/** Bounds and periods of a connection. Bytes and ms. */
export interface H2Limits {
  /** SETTINGS_MAX_CONCURRENT_STREAMS: requests a client may have open here. Only for servers. */
  readonly maxStreams: number;
  /** Of one header list, as RFC 9113 section 6.5.2 counts it. */
  readonly maxHeaderListBytes: number;
  /** CONTINUATION frames of one header block. */
  readonly maxContinuations: number;
  /** What the peer may send on a stream before it was consumed. */
  readonly streamWindowBytes: number;
  /** The window of a stream grows up to this while its data is consumed fast. */
  readonly maxStreamWindowBytes: number;
  /** What the peer may send on all streams together before it was consumed. */
  readonly connectionWindowBytes: number;
  /** Data written here that waits for the peer's windows, of all streams; past it the stream that holds most is reset. */
  readonly maxHeldBytes: number;
  /** Output that waits for a transport which takes nothing; past it the connection is closed. */
  readonly maxOutputBytes: number;
  /** A stream whose data waited so long for a window is reset. */
  readonly stalledMs: number;
  /** For the preface, the acknowledgement of SETTINGS, and the end of a header block that began. */
  readonly handshakeMs: number;
  /** After so long without a byte a connection that has streams is pinged. */
  readonly pingMs: number;
  /** A ping that is not answered so long ends the connection. */
  readonly pingTimeoutMs: number;
}

const COMMON = {
  maxStreams: 250,
  maxHeaderListBytes: 64 * 1024,
  maxContinuations: 16,
  streamWindowBytes: 256 * 1024,
  maxHeldBytes: 64 * 1024 * 1024,
  maxOutputBytes: 1024 * 1024,
  stalledMs: 300_000,
  handshakeMs: 10_000,
  pingMs: 15_000,
  pingTimeoutMs: 10_000,
};

export const SERVER_LIMITS: H2Limits = {
  ...COMMON,
  maxStreamWindowBytes: 256 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
};

/**
 * The streams of an upstream connection belong to many clients: its window is so large that some which stop reading do not
 * stop the others. The server may be in another cluster, a long way off.
 */
export const CLIENT_LIMITS: H2Limits = {
  ...COMMON,
  maxStreamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 32 * 1024 * 1024,
};

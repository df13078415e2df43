/** What peers did that ended a stream or a connection, by reason; plain integers, shared by the connections of a router. */
export class H2Counters {
  // Connections that were closed with ENHANCE_YOUR_CALM.
  /** Requests opened and reset at once (CVE-2023-44487). */
  rapidReset = 0;
  /** Frames that make this end reset streams (CVE-2025-8671, MadeYouReset). */
  provokedReset = 0;
  continuationFlood = 0;
  /** Header lists that small blocks blow up. */
  headerListBomb = 0;
  settingsFlood = 0;
  pingFlood = 0;
  emptyDataFlood = 0;
  windowUpdateFlood = 0;
  priorityFlood = 0;
  unknownFrameFlood = 0;
  /** Frames for streams that are over. */
  closedStreamFlood = 0;
  /** Requests past MAX_CONCURRENT_STREAMS, again and again. */
  refusedStreamFlood = 0;
  /** The peer does not read what it makes this end write. */
  notReading = 0;

  // Connections that were closed with another error.
  protocolError = 0;
  frameSizeError = 0;
  flowControlError = 0;
  compressionError = 0;
  streamClosedError = 0;
  settingsTimeout = 0;
  handshakeTimeout = 0;
  pingTimeout = 0;

  // Streams.
  /** Messages that RFC 9113 section 8 calls malformed. */
  malformed = 0;
  headerListTooLarge = 0;
  /** Past MAX_CONCURRENT_STREAMS. */
  refusedStreams = 0;
  /** The peer gave no window for too long, or too much was held for it. */
  stalled = 0;
  /** WINDOW_UPDATE of 0 or past 2^31-1, or data past the window of a stream. */
  streamFlowControl = 0;
}

export type H2CounterName = keyof H2Counters;

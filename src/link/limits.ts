/** Bounds and periods of a link. Bytes and ms. Both ends may have different ones; what matters to the peer is in HELLO. */
export interface LinkLimits {
  /** Credit of a new stream, and the least it ever has. */
  readonly initialWindowBytes: number;
  /** Credit grows up to this with the product of bandwidth and delay. */
  readonly maxWindowBytes: number;
  /** Past this a lane takes no more from streams that carry bulk. */
  readonly laneHighBytes: number;
  /** Past this a lane takes no DATA at all. */
  readonly laneMaxBytes: number;
  /** Past this the peer is not reading and the lane is closed: frames that are not DATA filled it. */
  readonly laneCloseBytes: number;
  readonly maxStreamsPerLane: number;
  readonly maxLanesPerLink: number;
  /** Stream ids of a lane end here; it is replaced before. */
  readonly lastStreamId: number;
  /** Connections whose certificate is not accepted yet; more are cut. */
  readonly maxHandshakes: number;
  readonly maxControlBytes: number;
  /** Control messages that wait to be acknowledged; past this the link is closed, since its peer does not take them. */
  readonly maxControlQueueBytes: number;
  readonly pingMs: number;
  readonly deadMs: number;
  readonly handshakeMs: number;
  readonly reconnectBaseMs: number;
  readonly reconnectCapMs: number;
}

export const DEFAULT_LIMITS: LinkLimits = {
  initialWindowBytes: 256 * 1024,
  maxWindowBytes: 4 * 1024 * 1024,
  laneHighBytes: 256 * 1024,
  laneMaxBytes: 1024 * 1024,
  laneCloseBytes: 8 * 1024 * 1024,
  maxStreamsPerLane: 16_384,
  maxLanesPerLink: 16,
  lastStreamId: 0xffff_fff0,
  maxHandshakes: 512,
  maxControlBytes: 16 * 1024 * 1024,
  maxControlQueueBytes: 64 * 1024 * 1024,
  pingMs: 1000,
  deadMs: 2000,
  handshakeMs: 5000,
  reconnectBaseMs: 100,
  reconnectCapMs: 5000,
};

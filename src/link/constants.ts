/** Frame types of the link protocol, version 1. The number is what is on the wire. */
export const FRAME = {
  HELLO: 1,
  OPEN: 2,
  DATA: 3,
  FIN: 4,
  RESET: 5,
  WINDOW: 6,
  PING: 7,
  PONG: 8,
  GOAWAY: 9,
  CONTROL: 10,
} as const;

/** What a GOAWAY asks for. */
export const GOAWAY = {
  /** This lane drains: finish your streams, open none here. */
  LANE: 0,
  /** The whole link drains, since its router leaves. */
  LINK: 1,
  /** From the acceptor, who cannot dial: open another lane in the place of this one, then drain it. */
  REPLACE: 2,
  /** The lane is closed now; the text says why. */
  CLOSE: 3,
} as const;
export type GoAwayKind = (typeof GOAWAY)[keyof typeof GOAWAY];

export const PROTOCOL_VERSION = 1;
export const ALPN = "isthmus/1";
/** The name that every router's server certificate has beside its site's URI. */
export const SERVER_NAME = "link.isthmus.internal";

export const HEADER_BYTES = 8;
export const MAX_PAYLOAD_BYTES = 65_536;
/** HELLO and OPEN are read before anything is known of their sender. */
export const MAX_HELLO_BYTES = 4096;
export const MAX_OPEN_BYTES = 4096;
export const MAX_REASON_BYTES = 512;
export const MAX_HOPS = 8;

/** A lane is flushed at once when this much waits, else at the end of the event-loop turn. */
export const FLUSH_BYTES = 65_536;
/** One stream's turn when several wait for the same lane. */
export const TURN_BYTES = 65_536;
/** A write no longer than this may pass the streams that wait for their turn: it is not what fills the lane. */
export const SMALL_WRITE_BYTES = 16_384;

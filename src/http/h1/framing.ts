/** How the body of a message is delimited (RFC 9112 section 6.3). */
export const FRAMING = {
  /** There is no body. */
  NONE: 0,
  /** `contentLength` bytes, more than 0. */
  LENGTH: 1,
  CHUNKED: 2,
  /** Responses only: everything until the connection is closed. */
  CLOSE: 3,
} as const;
export type Framing = (typeof FRAMING)[keyof typeof FRAMING];

export const UPGRADE = { NONE: 0, WEBSOCKET: 1 } as const;
export type Upgrade = (typeof UPGRADE)[keyof typeof UPGRADE];

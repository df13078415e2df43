/** How large the head of a message may be. Both bounds also hold for the trailer section of a chunked body. */
export interface HeadLimits {
  /** From the first byte of the start line up to and with the empty line. */
  readonly maxHeadBytes: number;
  /** Header lines. */
  readonly maxHeaders: number;
}

export const HEAD_LIMITS: HeadLimits = { maxHeadBytes: 65_536, maxHeaders: 128 };

/** More options than this in the Connection lines of one head are refused: each is compared with each header. */
export const MAX_CONNECTION_OPTIONS = 64;

/** No method in use has half as many letters. */
export const MAX_METHOD_BYTES = 32;

/**
 * Why a stream was aborted. The number is what is on the wire.
 *
 * REFUSED means that no byte reached the endpoint, so the caller may try another one. LINK_LOST means that a lane under the
 * stream went away: the endpoint may have seen some of the bytes.
 */
export const RESET_CODES = {
  REFUSED: 1,
  NO_ENDPOINT: 2,
  DENIED: 3,
  TIMEOUT: 4,
  RESET_BY_PEER: 5,
  OVERLOAD: 6,
  PROTOCOL: 7,
  LINK_LOST: 8,
} as const;

export type ResetCode = keyof typeof RESET_CODES;

const NAMES: readonly ResetCode[] = [
  "REFUSED",
  "NO_ENDPOINT",
  "DENIED",
  "TIMEOUT",
  "RESET_BY_PEER",
  "OVERLOAD",
  "PROTOCOL",
  "LINK_LOST",
];

/** A code of a later version reads as RESET_BY_PEER: an abort that must not be retried. */
export function resetCodeOf(wireCode: number): ResetCode {
  return NAMES.find((name) => RESET_CODES[name] === wireCode) ?? "RESET_BY_PEER";
}

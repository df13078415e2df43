import { COLON, HOST, IP_LITERAL, NINE, ZERO } from "./octets.ts";

const OPEN = 0x5b;
const CLOSE = 0x5d;
const MAX_PORT_DIGITS = 5;

/**
 * Whether `bytes[from, to)` is `uri-host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2). The host may be
 * empty, as that section allows; there is no user information.
 */
export function isHost(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  if (bytes[at] === OPEN && at < to) {
    at++;
    const inside = at;
    while (at < to && IP_LITERAL[bytes[at]!]! !== 0) at++;
    if (at === inside || at === to || bytes[at] !== CLOSE) return false;
    at++;
  } else {
    while (at < to && bytes[at] !== COLON && HOST[bytes[at]!]! !== 0) at++;
  }
  if (at === to) return true;
  if (bytes[at] !== COLON) return false;
  at++;
  if (to - at > MAX_PORT_DIGITS) return false;
  while (at < to && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === to;
}

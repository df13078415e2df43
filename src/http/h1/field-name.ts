import { ascii, FOLDED } from "./octets.ts";

/**
 * Headers that a proxy treats in their own way. Up to `TRAILER` they are sent on as they are; the others are taken out,
 * and where they are needed written anew.
 */
export const FIELD = {
  OTHER: 0,
  HOST: 1,
  TRAILER: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  CONNECTION: 5,
  UPGRADE: 6,
  EXPECT: 7,
  /** Keep-Alive, Proxy-Connection, TE, HTTP2-Settings: for the next hop only (RFC 9110 section 7.6.1). */
  HOP: 8,
  /** Forwarded, X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP: what somebody outside says of itself. */
  FORWARDED: 9,
  /** Named by Connection, and not protected. */
  NAMED: 10,
  /**
   * One of the names above with "_" for "-". Servers that hand headers on as environment variables do not tell the two
   * apart, so this would be a way around every rule here.
   */
  LOOKALIKE: 11,
} as const;
export type Field = (typeof FIELD)[keyof typeof FIELD];

/** Kinds up to this one are sent on. */
export const LAST_KEPT: Field = FIELD.TRAILER;

const NAMES: readonly (readonly [string, Field])[] = [
  ["host", FIELD.HOST],
  ["trailer", FIELD.TRAILER],
  ["content-length", FIELD.CONTENT_LENGTH],
  ["transfer-encoding", FIELD.TRANSFER_ENCODING],
  ["connection", FIELD.CONNECTION],
  ["upgrade", FIELD.UPGRADE],
  ["expect", FIELD.EXPECT],
  ["keep-alive", FIELD.HOP],
  ["proxy-connection", FIELD.HOP],
  ["te", FIELD.HOP],
  ["http2-settings", FIELD.HOP],
  ["forwarded", FIELD.FORWARDED],
  ["x-forwarded-for", FIELD.FORWARDED],
  ["x-forwarded-proto", FIELD.FORWARDED],
  ["x-forwarded-host", FIELD.FORWARDED],
  ["x-forwarded-port", FIELD.FORWARDED],
  ["x-real-ip", FIELD.FORWARDED],
];

interface Known {
  readonly name: Uint8Array;
  readonly kind: Field;
  /** Where its hyphens stand: at most two. */
  readonly hyphens: readonly number[];
}

const LONGEST = 17;
const HYPHEN = 0x2d;

/** By length; lists of at most three. */
const BY_LENGTH: readonly (readonly Known[])[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
  NAMES.filter(([name]) => name.length === length).map(([name, kind]) => ({
    name: ascii(name),
    kind,
    hyphens: [...name.matchAll(/-/g)].map(({ index }) => index),
  })),
);

/** Whether a name of this length and first letter may be one of them: most names are told off by this alone. */
const MAYBE = new Uint8Array((LONGEST + 1) << 5);
for (const [name] of NAMES) MAYBE[(name.length << 5) | (name.charCodeAt(0) & 31)] = 1;

/** Which header `bytes[from, to)` names. Letter case is ignored. */
export function fieldOf(bytes: Uint8Array, from: number, to: number): Field {
  const length = to - from;
  if (length > LONGEST || MAYBE[(length << 5) | (bytes[from]! & 31)] === 0) return FIELD.OTHER;
  const candidates = BY_LENGTH[length]!;
  for (let n = 0; n < candidates.length; n++) {
    const candidate = candidates[n]!;
    const { name } = candidate;
    let i = 0;
    while (i < length && FOLDED[bytes[from + i]!] === name[i]) i++;
    if (i === length) return areHyphens(bytes, from, candidate.hyphens) ? candidate.kind : FIELD.LOOKALIKE;
  }
  return FIELD.OTHER;
}

function areHyphens(bytes: Uint8Array, from: number, places: readonly number[]): boolean {
  for (let i = 0; i < places.length; i++) {
    if (bytes[from + places[i]!] !== HYPHEN) return false;
  }
  return true;
}

/** Headers that are for everybody on the way, so that no Connection header can take them out (RFC 9110 section 7.6.1). */
const PROTECTED: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "cache-control",
  "cookie",
  "date",
  "etag",
  "location",
  "origin",
  "proxy-authenticate",
  "proxy-authorization",
  "range",
  "set-cookie",
  "vary",
  "via",
  "www-authenticate",
]);

/** Whether the Connection header may not take `name` (small letters) out. Names that have a kind of their own are not asked about. */
export function isProtected(name: string): boolean {
  return PROTECTED.has(name) || name.startsWith("content-") || name.startsWith("sec-");
}

import { ascii } from "./octets.ts";

/** Methods that a proxy treats in their own way; all others are OTHER. */
export const METHOD = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  OPTIONS: 6,
  PATCH: 7,
  TRACE: 8,
  CONNECT: 9,
} as const;
export type Method = (typeof METHOD)[keyof typeof METHOD];

/** By length, so that few are compared. */
const BY_LENGTH: readonly (readonly { name: Uint8Array; method: Method }[])[] = Array.from(
  { length: 8 },
  (_, length) =>
    Object.entries(METHOD)
      .filter(([name, method]) => name.length === length && method !== METHOD.OTHER)
      .map(([name, method]) => ({ name: ascii(name), method })),
);

/** The method `bytes[from, to)`; case matters (RFC 9110 section 9.1). */
export function methodOf(bytes: Uint8Array, from: number, to: number): Method {
  const length = to - from;
  if (length >= BY_LENGTH.length) return METHOD.OTHER;
  const candidates = BY_LENGTH[length]!;
  for (let n = 0; n < candidates.length; n++) {
    const candidate = candidates[n]!;
    let i = 0;
    while (i < length && bytes[from + i] === candidate.name[i]) i++;
    if (i === length) return candidate.method;
  }
  return METHOD.OTHER;
}

const IDEMPOTENT =
  (1 << METHOD.GET) |
  (1 << METHOD.HEAD) |
  (1 << METHOD.PUT) |
  (1 << METHOD.DELETE) |
  (1 << METHOD.OPTIONS) |
  (1 << METHOD.TRACE);

/** Whether a request may be sent again without harm (RFC 9110 section 9.2.2). */
export function isIdempotent(method: Method): boolean {
  return ((IDEMPOTENT >> method) & 1) === 1;
}

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

const NAMES: readonly (readonly [Uint8Array, Method])[] = [
  [ascii("GET"), METHOD.GET],
  [ascii("POST"), METHOD.POST],
  [ascii("PUT"), METHOD.PUT],
  [ascii("HEAD"), METHOD.HEAD],
  [ascii("DELETE"), METHOD.DELETE],
  [ascii("PATCH"), METHOD.PATCH],
  [ascii("OPTIONS"), METHOD.OPTIONS],
  [ascii("TRACE"), METHOD.TRACE],
  [ascii("CONNECT"), METHOD.CONNECT],
];

/** The method `bytes[from, to)`; case matters (RFC 9110 section 9.1). */
export function methodOf(bytes: Uint8Array, from: number, to: number): Method {
  for (const [name, method] of NAMES) {
    if (name.length !== to - from) continue;
    let i = 0;
    while (i < name.length && bytes[from + i] === name[i]) i++;
    if (i === name.length) return method;
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

import { FIELD, type KnownField } from "#http/hpack/field.ts";

/** What a header list says about the stream; used again for each message. */
export class MessageFacts {
  /** -1 when there is none. */
  contentLength = -1;
  /** Of a response. */
  status = 0;
  connect = false;
}

const PSEUDO = FIELD.PROTOCOL;

/** Why a request is malformed (RFC 9113 sections 8.1 to 8.3, 8.5), or undefined. Fills `facts`. */
export function requestProblem(fields: readonly KnownField[], facts: MessageFacts): string | undefined {
  let method: string | undefined;
  let path: string | undefined;
  let authority: string | undefined;
  let host: string | undefined;
  let seen = 0;
  let regular = false;
  facts.contentLength = -1;
  facts.connect = false;
  for (let i = 0; i < fields.length; i++) {
    const { kind, value, name } = fields[i]!;
    if (kind === FIELD.REGULAR) {
      regular = true;
      continue;
    }
    if (kind === FIELD.INVALID) return `Field ${printable(name)} is not valid`;
    if (kind <= PSEUDO) {
      if (regular) return "A pseudo header field after a regular one";
      if ((seen & (1 << kind)) !== 0) return `${name} comes twice`;
      seen |= 1 << kind;
      if (kind === FIELD.METHOD) method = value;
      else if (kind === FIELD.PATH) path = value;
      else if (kind === FIELD.AUTHORITY) authority = value;
      else if (kind !== FIELD.SCHEME) return `${name} in a request`;
      continue;
    }
    regular = true;
    if (kind === FIELD.HOST) {
      if (host !== undefined) return "host comes twice";
      host = value;
    } else if (kind === FIELD.CONTENT_LENGTH) {
      if (facts.contentLength >= 0) return "content-length comes twice";
      facts.contentLength = Number(value);
    }
  }
  if (method === undefined) return ":method is missing";
  if (!sameAuthority(authority, host)) return ":authority and host do not say the same";
  if (method === "CONNECT") {
    facts.connect = true;
    return (seen & CONNECT_WITHOUT) === 0 && authority ? undefined : "CONNECT with :path or :scheme";
  }
  if (path === undefined || (seen & (1 << FIELD.SCHEME)) === 0) return ":path or :scheme is missing";
  if (path === "*" && method !== "OPTIONS") return ":path * is only for OPTIONS";
  return (authority ?? host ?? "") === "" ? "Neither :authority nor host" : undefined;
}

const CONNECT_WITHOUT = (1 << FIELD.PATH) | (1 << FIELD.SCHEME);

/** Why a response is malformed (RFC 9113 section 8.3.2), or undefined. Fills `facts`. */
export function responseProblem(fields: readonly KnownField[], facts: MessageFacts): string | undefined {
  facts.contentLength = -1;
  facts.status = 0;
  let regular = false;
  for (let i = 0; i < fields.length; i++) {
    const { kind, value, name } = fields[i]!;
    if (kind === FIELD.INVALID) return `Field ${printable(name)} is not valid`;
    if (kind === FIELD.STATUS) {
      if (regular || facts.status > 0) return ":status comes twice or late";
      facts.status = Number(value);
      continue;
    }
    if (kind >= FIELD.METHOD && kind <= PSEUDO) return `${name} in a response`;
    regular = true;
    if (kind !== FIELD.CONTENT_LENGTH) continue;
    if (facts.contentLength >= 0) return "content-length comes twice";
    facts.contentLength = Number(value);
  }
  if (facts.status === 0) return ":status is missing";
  return facts.status === 101 ? "Status 101, which HTTP/2 does not have" : undefined;
}

/** Why trailers are malformed (RFC 9113 section 8.1), or undefined. */
export function trailerProblem(fields: readonly KnownField[]): string | undefined {
  for (let i = 0; i < fields.length; i++) {
    const { kind, name } = fields[i]!;
    if (kind === FIELD.INVALID) return `Field ${printable(name)} is not valid`;
    if (kind >= FIELD.METHOD && kind <= PSEUDO) return `${name} in trailers`;
  }
  return undefined;
}

function sameAuthority(authority: string | undefined, host: string | undefined): boolean {
  if (authority === undefined || host === undefined || authority === host) return true;
  return authority.toLowerCase() === host.toLowerCase();
}

/** A name for a reason that is logged or sent: bounded, and without what could be taken for something else. */
function printable(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);
}

import {
  FLAG,
  HEADER_BYTES,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
  OPCODE_MASK,
  RCODE,
  TYPE,
  type Rcode,
} from "./constants.ts";

/** Bytes of an OPT record without options (RFC 6891 section 6.1.2), and of the fixed part of any record. */
const RECORD_FIXED_BYTES = 10;

/**
 * A query as it was read; one object is used again for all. Only the header, the question and the OPT record are looked at,
 * all else is skipped.
 */
export class Query {
  id = 0;
  flags = 0;
  /** End of the name of the question, which begins at byte 12; 0 where there is none that could be read. */
  nameEnd = 0;
  type = 0;
  class = 0;
  /** An OPT record is there: the answer has one too. */
  edns = false;
  /** What the client takes over UDP, bytes. */
  payloadBytes = 0;
  dnssecOk = false;
  /** What is wrong with it, or NOERROR. */
  problem: Rcode = RCODE.NOERROR;

  /** Reads `bytes[0, length)`. False: it is not to be answered at all (too short, or an answer itself). */
  read(bytes: Uint8Array, length: number): boolean {
    this.nameEnd = 0;
    this.type = 0;
    this.class = 0;
    this.edns = false;
    this.payloadBytes = 0;
    this.dnssecOk = false;
    this.problem = RCODE.NOERROR;
    if (length < HEADER_BYTES) return false;
    this.id = u16(bytes, 0);
    this.flags = u16(bytes, 2);
    if ((this.flags & FLAG.QR) !== 0) return false;
    if ((this.flags & OPCODE_MASK) !== 0) {
      this.problem = RCODE.NOTIMP;
      return true;
    }
    // RFC 9619: a query has one question.
    if (u16(bytes, 4) !== 1) {
      this.problem = RCODE.FORMERR;
      return true;
    }
    const end = this.#question(bytes, length);
    if (end === 0 || !this.#records(bytes, { from: end, length })) this.problem = RCODE.FORMERR;
    return true;
  }

  /** Returns where it ends; 0 when it cannot be read. */
  #question(bytes: Uint8Array, length: number): number {
    let at = HEADER_BYTES;
    for (;;) {
      if (at >= length) return 0;
      const label = bytes[at]!;
      if (label === 0) break;
      // A pointer has nothing before it that it could point to.
      if (label > MAX_LABEL_BYTES) return 0;
      at += 1 + label;
    }
    at++;
    if (at - HEADER_BYTES > MAX_NAME_BYTES || at + 4 > length) return 0;
    this.nameEnd = at;
    this.type = u16(bytes, at);
    this.class = u16(bytes, at + 2);
    return at + 4;
  }

  #records(bytes: Uint8Array, { from, length }: { readonly from: number; readonly length: number }): boolean {
    const additional = u16(bytes, 10);
    const before = u16(bytes, 6) + u16(bytes, 8);
    let at = from;
    for (let n = 0; n < before + additional; n++) {
      const root = bytes[at] === 0;
      at = skipName(bytes, { at, length });
      if (at === 0 || at + RECORD_FIXED_BYTES > length) return false;
      const end = at + RECORD_FIXED_BYTES + u16(bytes, at + 8);
      if (end > length) return false;
      if (u16(bytes, at) === TYPE.OPT && !this.#opt(bytes, { at, end, allowed: root && n >= before }))
        return false;
      at = end;
    }
    return true;
  }

  /** RFC 6891 section 6.1: one, in the additional section, of the root. */
  #opt(bytes: Uint8Array, { at, end, allowed }: { at: number; end: number; allowed: boolean }): boolean {
    if (!allowed || this.edns) return false;
    this.edns = true;
    this.payloadBytes = u16(bytes, at + 2);
    if (bytes[at + 5] !== 0) this.problem = RCODE.BADVERS;
    this.dnssecOk = (bytes[at + 6]! & 0x80) !== 0;
    for (let option = at + RECORD_FIXED_BYTES; option < end;) {
      if (option + 4 > end) return false;
      option += 4 + u16(bytes, option + 2);
      if (option > end) return false;
    }
    return true;
  }
}

function skipName(
  bytes: Uint8Array,
  { at, length }: { readonly at: number; readonly length: number },
): number {
  let next = at;
  while (next < length) {
    const label = bytes[next]!;
    if (label === 0) return next + 1;
    if (label >= 0xc0) return next + 2 <= length ? next + 2 : 0;
    if (label > MAX_LABEL_BYTES) return 0;
    next += 1 + label;
  }
  return 0;
}

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

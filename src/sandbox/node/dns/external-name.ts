import { CLASS_IN, FLAG, HEADER_BYTES } from "#dns/constants.ts";
import { labelsOf, wireName } from "#dns/name.ts";

export const TYPE_CNAME = 5;
const QUESTION_FIXED_BYTES = 4;
const RECORD_FIXED_BYTES = 10;
const TTL_SECONDS = 5;

/** The same question about another name. */
export function questionAbout(target: string, { query, nameEnd }: Asked): Uint8Array {
  const head = Uint8Array.of(query[0] ?? 0, query[1] ?? 0, FLAG.RD >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  const fixed = query.subarray(nameEnd, nameEnd + QUESTION_FIXED_BYTES);
  return Buffer.concat([head, wireName(labelsOf(target)), fixed]);
}

export interface Asked {
  readonly query: Uint8Array;
  /** End of the name of the question. */
  readonly nameEnd: number;
}

/**
 * The answer for a name that stands for another: its CNAME, and what the other name has of the type that was asked for, named as the
 * target whatever chain led there. `found` is the answer for the target, which gives the RCODE; absent: only the CNAME.
 */
export function aliasAnswer(
  target: string,
  { query, nameEnd, found }: Asked & { readonly found: Uint8Array | undefined },
): Uint8Array {
  const owner = wireName(labelsOf(target));
  const type = ((query[nameEnd] ?? 0) << 8) | (query[nameEnd + 1] ?? 0);
  const records = [
    record(Uint8Array.of(0xc0, HEADER_BYTES), { type: TYPE_CNAME, ttl: TTL_SECONDS, data: owner }),
  ];
  for (const { ttl, data } of found === undefined ? [] : recordsOf(found, type))
    records.push(record(owner, { type, ttl, data }));
  const head = query.slice(0, nameEnd + QUESTION_FIXED_BYTES);
  head[2] = ((query[2] ?? 0) & 0x01) | ((FLAG.QR | FLAG.AA) >> 8);
  head[3] = 0x80 | ((found?.[3] ?? 0) & 0x0f);
  head.set([0, 1, records.length >> 8, records.length & 255, 0, 0, 0, 0], 4);
  return Buffer.concat([head, ...records]);
}

interface Found {
  readonly ttl: number;
  readonly data: Uint8Array;
}

function record(name: Uint8Array, { type, ttl, data }: Found & { readonly type: number }): Uint8Array {
  const fixed = Buffer.alloc(RECORD_FIXED_BYTES);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

/** Addresses in the answer section; other types may hold names that only that message can spell. */
function recordsOf(message: Uint8Array, wanted: number): Found[] {
  const bytes = Buffer.from(message);
  const size = { 1: 4, 28: 16 }[wanted];
  const found: Found[] = [];
  if (size === undefined || bytes.length < HEADER_BYTES) return found;
  let at = HEADER_BYTES;
  for (let n = bytes.readUInt16BE(4); n > 0; n--) at = nameEndOf(bytes, at) + QUESTION_FIXED_BYTES;
  for (let n = bytes.readUInt16BE(6); n > 0; n--) {
    at = nameEndOf(bytes, at);
    if (at + RECORD_FIXED_BYTES > bytes.length) break;
    const length = bytes.readUInt16BE(at + 8);
    const end = at + RECORD_FIXED_BYTES + length;
    if (end > bytes.length) break;
    if (bytes.readUInt16BE(at) === wanted && length === size)
      found.push({ ttl: bytes.readUInt32BE(at + 4), data: bytes.subarray(at + RECORD_FIXED_BYTES, end) });
    at = end;
  }
  return found;
}

function nameEndOf(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return bytes.length;
}

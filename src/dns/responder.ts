import {
  CLASS_IN,
  CLASSIC_UDP_BYTES,
  EDNS_UDP_BYTES,
  FLAG,
  HEADER_BYTES,
  MAX_TCP_BYTES,
  OPCODE_MASK,
  RCODE,
  TYPE,
  type Rcode,
  type Transport,
} from "./constants.ts";
import { DnsCounters, type RefusedReason } from "./counters.ts";
import { Query } from "./query.ts";
import { SOA_POINTERS, type Answer, type Node, type Zone } from "./zone.ts";

/** An answer over UDP is at most so many times as long as its query; what is longer is asked for over TCP. */
const MAX_AMPLIFICATION = 3;
const OPT_BYTES = 11;
const QUESTION_FIXED_BYTES = 4;
/** Without a readable question, an answer is a header, and an OPT record. */
const BARE_BYTES = HEADER_BYTES + OPT_BYTES;

/** Less is copied faster by a loop than by a call of the runtime. */
const COPY_BY_CALL_BYTES = 128;

/**
 * Answers queries for one zone (RFC 1034, 1035), with authority and without recursion. A query is read, looked up, and its answer
 * copied and completed; nothing is allocated.
 *
 * - The question is given back byte for byte, so that the case of letters is kept (draft dns0x20).
 * - A name that is not there: NXDOMAIN; one that is, without that type: no data; both with the SOA (RFC 2308).
 * - Another zone, class or transfer: REFUSED. ANY: one set only (RFC 8482). An answer, or less than a header: nothing.
 * - EDNS(0) (RFC 6891): at most 1,232 bytes over UDP, 512 without it, and three times the query; a set that does not
 *   fit is left out as a whole, with TC.
 */
export class Responder {
  readonly counters = new DnsCounters();
  /** Where the next answer is written: at least 1,232 bytes for UDP, 65,535 for TCP. A server puts its own memory here. */
  out = new Uint8Array(MAX_TCP_BYTES);
  readonly #zone: Zone;
  readonly #query = new Query();
  readonly #ready: () => boolean;
  #at = 0;
  #limit = 0;

  /** Until `ready` says so every query of the zone is answered with SERVFAIL: no data is not the same as no name. */
  constructor(options: { readonly zone: Zone; readonly ready?: () => boolean }) {
    this.#zone = options.zone;
    this.#ready = options.ready ?? (() => true);
  }

  /** Returns the length of the answer in `out`; 0 when there is to be none. Never throws. */
  respond(bytes: Uint8Array, length: number, transport: Transport): number {
    const query = this.#query;
    if (!query.read(bytes, length)) {
      this.counters.dropped[length < HEADER_BYTES ? "short" : "answer"]++;
      return 0;
    }
    this.counters.asked(transport, query.type);
    this.#begin(bytes, { length, transport });
    if (query.problem !== RCODE.NOERROR) return this.#end(query.problem, 0);
    const { type, nameEnd } = query;
    if (query.class !== CLASS_IN) return this.#refuse("class");
    const origin = this.#zone.originIn(bytes, HEADER_BYTES, nameEnd);
    if (origin === 0) return this.#refuse("zone");
    if (type === TYPE.AXFR || type === TYPE.IXFR) return this.#refuse("transfer");
    if (!this.#ready()) return this.#end(RCODE.SERVFAIL, 0);
    const node = this.#zone.find(bytes, HEADER_BYTES, nameEnd);
    const answer = node === undefined ? undefined : answerTo(node, type);
    if (answer === undefined)
      return this.#nothing(node === undefined ? RCODE.NXDOMAIN : RCODE.NOERROR, origin);
    const variant = answer.variants[answer.next]!;
    answer.next = answer.next + 1 === answer.variants.length ? 0 : answer.next + 1;
    if (this.#at + variant.length > this.#limit) {
      this.counters.truncated++;
      return this.#end(RCODE.NOERROR, FLAG.AA | FLAG.TC);
    }
    this.#put(variant);
    this.#count(6, answer.records);
    return this.#end(RCODE.NOERROR, FLAG.AA);
  }

  /** Header and question. */
  #begin(
    bytes: Uint8Array,
    { length, transport }: { readonly length: number; readonly transport: Transport },
  ): void {
    const query = this.#query;
    const { out } = this;
    const questionEnd = query.nameEnd === 0 ? HEADER_BYTES : query.nameEnd + QUESTION_FIXED_BYTES;
    for (let i = 4; i < HEADER_BYTES; i++) out[i] = 0;
    if (query.nameEnd > 0) {
      for (let i = HEADER_BYTES; i < questionEnd; i++) out[i] = bytes[i]!;
      out[5] = 1;
    }
    this.#at = questionEnd;
    const payload = query.edns ? Math.max(CLASSIC_UDP_BYTES, query.payloadBytes) : CLASSIC_UDP_BYTES;
    const most =
      transport === "tcp" ? MAX_TCP_BYTES : Math.min(payload, EDNS_UDP_BYTES, length * MAX_AMPLIFICATION);
    this.#limit = Math.max(most, BARE_BYTES) - (query.edns ? OPT_BYTES : 0);
  }

  #refuse(reason: RefusedReason): number {
    this.counters.refused[reason]++;
    return this.#end(RCODE.REFUSED, 0);
  }

  #nothing(rcode: Rcode, origin: number): number {
    const soa = this.#zone.soa;
    if (this.#at + soa.length <= this.#limit) {
      const at = this.#at;
      this.#put(soa);
      for (let n = 0; n < SOA_POINTERS.length; n++) {
        this.out[at + SOA_POINTERS[n]!] = 0xc0 | (origin >> 8);
        this.out[at + SOA_POINTERS[n]! + 1] = origin & 0xff;
      }
      this.#count(8, 1);
    }
    return this.#end(rcode, FLAG.AA);
  }

  #end(rcode: Rcode, flags: number): number {
    const query = this.#query;
    const { out } = this;
    this.counters.answered(rcode);
    out[0] = query.id >> 8;
    out[1] = query.id & 0xff;
    const all = FLAG.QR | flags | (query.flags & (OPCODE_MASK | FLAG.RD | FLAG.CD)) | (rcode & 0x0f);
    out[2] = all >> 8;
    out[3] = all & 0xff;
    if (query.edns) this.#opt(rcode);
    return this.#at;
  }

  #opt(rcode: Rcode): void {
    const { out } = this;
    const at = this.#at;
    out[at] = 0;
    out[at + 1] = 0;
    out[at + 2] = TYPE.OPT;
    out[at + 3] = EDNS_UDP_BYTES >> 8;
    out[at + 4] = EDNS_UDP_BYTES & 0xff;
    out[at + 5] = rcode >> 4;
    out[at + 6] = 0;
    out[at + 7] = this.#query.dnssecOk ? 0x80 : 0;
    out[at + 8] = 0;
    out[at + 9] = 0;
    out[at + 10] = 0;
    this.#at = at + OPT_BYTES;
    this.#count(10, 1);
  }

  #put(bytes: Uint8Array): void {
    const { out } = this;
    const at = this.#at;
    const { length } = bytes;
    if (length > COPY_BY_CALL_BYTES) out.set(bytes, at);
    else for (let i = 0; i < length; i++) out[at + i] = bytes[i]!;
    this.#at = at + length;
  }

  #count(at: 6 | 8 | 10, records: number): void {
    this.out[at] = records >> 8;
    this.out[at + 1] = records & 0xff;
  }
}

/** ANY gets the first set there is (RFC 8482 section 4.1). */
function answerTo(node: Node, type: number): Answer | undefined {
  const answer = node.answers.get(type);
  if (answer !== undefined || type !== TYPE.ANY) return answer;
  for (const first of node.answers.values()) return first;
  return undefined;
}

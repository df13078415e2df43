import type { ByteWriter } from "../byte-writer.ts";
import { FIELD, fieldOf, isProtected, LAST_KEPT, type Field } from "./field-name.ts";
import { MAX_CONNECTION_OPTIONS } from "./limits.ts";
import { ascii, COLON, COMMA, CR, HTAB, isWord, LF, NINE, SP, TOKEN, VALUE, ZERO } from "./octets.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";

/** Numbers kept of each line: where its name and its value begin and end, counted from the start of the head. */
const MARKS = 4;
/** Room for so many lines at first; there are seldom more. */
const FIRST_LINES = 24;
/** Set with a line's kind where the line is not exactly `name: value`: it is then written anew instead of copied. */
const UNEVEN = 0x80;
const KIND = 0x7f;

/** A Transfer-Encoding longer than this is not looked into. */
const MAX_CODINGS_BYTES = 256;

const COLON_SPACE = ascii(": ");
const CRLF = ascii("\r\n");
const CLOSE = ascii("close");
const KEEP_ALIVE = ascii("keep-alive");
const UPGRADE = ascii("upgrade");
const CHUNKED = ascii("chunked");
const WEBSOCKET = ascii("websocket");
const CONTINUE = ascii("100-continue");

/**
 * The header lines of one message: reads them with what they say of framing and connection, and writes out those that
 * are sent on. Used again for message after message; nothing is made per message.
 *
 * Reading goes line by line. When bytes are missing, the start of the line is remembered and how far the search for
 * its end came, so each byte is looked at twice at most, however the head is cut.
 */
export class FieldLines {
  /** Lines read so far. */
  count = 0;
  /** Where the next line begins, counted from the start of the head. */
  next = 0;
  /** How far there is no end of the line at `next`; 0: not searched yet. */
  searched = 0;
  /** -1 when there is none. */
  contentLength = -1;
  /** Transfer-Encoding is present, and is exactly `chunked`. */
  chunked = false;
  close = false;
  keepAlive = false;
  /** Connection has the option `upgrade`, and Upgrade is exactly `websocket`. */
  upgradeOption = false;
  websocket = false;
  expectContinue = false;
  /** Line number of Host; -1 when there is none. */
  host = -1;
  problem: H1Problem | undefined;
  /** These are trailers: whatever they say of framing or connection is not listened to. */
  trailers = false;
  readonly #maxHeaders: number;
  #marks = new Int32Array(FIRST_LINES * MARKS);
  #kinds = new Uint8Array(FIRST_LINES);
  #upgrades = 0;
  #options = 0;
  #namesHeaders = false;

  constructor(maxHeaders: number) {
    this.#maxHeaders = maxHeaders;
  }

  reset(): void {
    this.count = 0;
    this.next = 0;
    this.searched = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeOption = false;
    this.websocket = false;
    this.expectContinue = false;
    this.host = -1;
    this.problem = undefined;
    this.#upgrades = 0;
    this.#options = 0;
    this.#namesHeaders = false;
  }

  /** Whether the line at `next` may now be whole: its LF came since bytes were last missing. */
  lineArrived(bytes: Uint8Array, base: number, end: number): boolean {
    let at = base + this.searched;
    while (at < end && bytes[at] !== LF) at++;
    this.searched = at - base;
    return at < end;
  }

  /** Reads lines from `next` on. Returns the index behind the empty line, 0 when bytes are missing, -1 with `problem`. */
  read(bytes: Uint8Array, base: number, end: number): number {
    let marks = this.#marks;
    let kinds = this.#kinds;
    let at = base + this.next;
    for (;;) {
      let i = at;
      while (i < end && TOKEN[bytes[i]!]! !== 0) i++;
      if (i >= end) return this.#wait(at - base, end - base);
      if (bytes[i] !== COLON || i === at) {
        if (bytes[i] === CR && i + 1 >= end) return this.#wait(at - base, end - base);
        if (i === at && bytes[i] === CR && bytes[i + 1] === LF) return this.#finish(bytes, base, i + 2);
        return this.#refuse(nameProblem(bytes, at, i));
      }
      const nameTo = i++;
      while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
      const valueFrom = i;
      for (const last = end - 4; i <= last; i += 4) {
        if ((VALUE[bytes[i]!]! & VALUE[bytes[i + 1]!]! & VALUE[bytes[i + 2]!]! & VALUE[bytes[i + 3]!]!) === 0)
          break;
      }
      while (i < end && VALUE[bytes[i]!]! !== 0) i++;
      if (i >= end || (bytes[i] === CR && i + 1 >= end)) return this.#wait(at - base, end - base);
      if (bytes[i] !== CR || bytes[i + 1] !== LF) return this.#refuse(valueProblem(bytes[i]!));
      let valueTo = i;
      while (valueTo > valueFrom && (bytes[valueTo - 1] === SP || bytes[valueTo - 1] === HTAB)) valueTo--;

      const line = this.count;
      if (line === kinds.length || line === this.#maxHeaders) {
        if (line === this.#maxHeaders) return this.#refuse(PROBLEM.tooManyHeaders);
        this.#grow();
        marks = this.#marks;
        kinds = this.#kinds;
      }
      const kind = fieldOf(bytes, at, nameTo);
      const even = valueTo === i && valueFrom === nameTo + 2 && bytes[nameTo + 1] === SP;
      kinds[line] = even ? kind : kind | UNEVEN;
      const mark = line * MARKS;
      marks[mark] = at - base;
      marks[mark + 1] = nameTo - base;
      marks[mark + 2] = valueFrom - base;
      marks[mark + 3] = valueTo - base;
      this.count = line + 1;
      if (kind !== FIELD.OTHER && !this.trailers) {
        const problem = this.#learn(kind, bytes, base);
        if (problem !== undefined) return this.#refuse(problem);
      }
      at = i + 2;
    }
  }

  /** Where the value of a line begins and ends, counted from the start of the head. */
  valueFrom(line: number): number {
    return this.#marks[line * MARKS + 2]!;
  }

  valueTo(line: number): number {
    return this.#marks[line * MARKS + 3]!;
  }

  /** Values of all lines of that name (small letters), joined as lists are; undefined when there is none. Makes strings: not for every message. */
  value(lowercaseName: string, bytes: Uint8Array, base: number): string | undefined {
    let found: string | undefined;
    for (let line = 0; line < this.count; line++) {
      if (this.#name(line, bytes, base) !== lowercaseName) continue;
      const value = latin1(bytes, base + this.valueFrom(line), base + this.valueTo(line));
      if (found === undefined) found = value;
      else found += (lowercaseName === "cookie" ? "; " : ", ") + value;
    }
    return found;
  }

  /** What a line is, and its name in small letters. Makes strings. */
  describe(line: number, bytes: Uint8Array, base: number): { kind: number; name: string } {
    return { kind: this.#kinds[line]! & KIND, name: this.#name(line, bytes, base) };
  }

  /** The line is not to be written. */
  takeOut(line: number): void {
    this.#kinds[line] = FIELD.NAMED;
  }

  /**
   * Writes the lines that are sent on. `runFrom` and `runTo` (counted from the start of the head) name bytes that are
   * to stand before them: a start line that is sent as it came is so copied in one go with the lines behind it.
   */
  write(out: ByteWriter, bytes: Uint8Array, run: { base: number; from: number; to: number }): void {
    const { base } = run;
    const marks = this.#marks;
    const kinds = this.#kinds;
    let { from, to } = run;
    for (let line = 0; line < this.count; line++) {
      const kind = kinds[line]!;
      if ((kind & KIND) > LAST_KEPT) continue;
      const mark = line * MARKS;
      const nameFrom = marks[mark]!;
      if ((kind & UNEVEN) !== 0) {
        if (to > from) out.copy(bytes, base + from, base + to);
        out.copy(bytes, base + nameFrom, base + marks[mark + 1]!);
        out.all(COLON_SPACE);
        out.copy(bytes, base + marks[mark + 2]!, base + marks[mark + 3]!);
        out.all(CRLF);
        from = to = 0;
      } else {
        if (nameFrom !== to) {
          if (to > from) out.copy(bytes, base + from, base + to);
          from = nameFrom;
        }
        to = marks[mark + 3]! + 2;
      }
    }
    if (to > from) out.copy(bytes, base + from, base + to);
  }

  #name(line: number, bytes: Uint8Array, base: number): string {
    const mark = line * MARKS;
    return latin1(bytes, base + this.#marks[mark]!, base + this.#marks[mark + 1]!).toLowerCase();
  }

  #grow(): void {
    const lines = this.count * 2;
    const marks = new Int32Array(lines * MARKS);
    const kinds = new Uint8Array(lines);
    marks.set(this.#marks);
    kinds.set(this.#kinds);
    this.#marks = marks;
    this.#kinds = kinds;
  }

  #wait(next: number, searched: number): 0 {
    this.next = next;
    this.searched = searched;
    return 0;
  }

  #refuse(problem: H1Problem): -1 {
    this.problem = problem;
    return -1;
  }

  #finish(bytes: Uint8Array, base: number, end: number): number {
    this.next = end - base;
    if (this.#namesHeaders) this.#takeOutNamed(bytes, base);
    if (this.contentLength >= 0 && this.chunked) return this.#refuse(PROBLEM.clWithTe);
    return end;
  }

  /** What the line just read says, when it is one of those that a proxy listens to. */
  #learn(kind: Field, bytes: Uint8Array, base: number): H1Problem | undefined {
    const from = base + this.valueFrom(this.count - 1);
    const to = base + this.valueTo(this.count - 1);
    switch (kind) {
      case FIELD.HOST:
        if (this.host >= 0) return PROBLEM.repeatedHost;
        this.host = this.count - 1;
        return undefined;
      case FIELD.CONTENT_LENGTH:
        return this.#readContentLength(bytes, from, to);
      case FIELD.TRANSFER_ENCODING:
        return this.#readTransferEncoding(bytes, from, to);
      case FIELD.CONNECTION:
        return this.#readConnection(bytes, from, to);
      case FIELD.UPGRADE:
        this.websocket =
          ++this.#upgrades === 1 && to - from === WEBSOCKET.length && isWord(bytes, from, WEBSOCKET);
        return undefined;
      case FIELD.EXPECT:
        if (to - from !== CONTINUE.length || !isWord(bytes, from, CONTINUE))
          return PROBLEM.unknownExpectation;
        this.expectContinue = true;
        return undefined;
      default:
        return undefined;
    }
  }

  /** 1*DIGIT; a list of equal numbers is refused too (RFC 9112 section 6.3 allows either). */
  #readContentLength(bytes: Uint8Array, from: number, to: number): H1Problem | undefined {
    if (this.contentLength >= 0) return PROBLEM.repeatedContentLength;
    if (from === to) return PROBLEM.badContentLength;
    let value = 0;
    for (let i = from; i < to; i++) {
      const octet = bytes[i]!;
      if (octet < ZERO || octet > NINE) return PROBLEM.badContentLength;
      value = value * 10 + (octet - ZERO);
    }
    if (value > Number.MAX_SAFE_INTEGER) return PROBLEM.contentLengthTooLarge;
    this.contentLength = value;
    return undefined;
  }

  /** Only `chunked`, once. What else there is decides the problem: an unknown coding is no malformed one. */
  #readTransferEncoding(bytes: Uint8Array, from: number, to: number): H1Problem | undefined {
    if (this.chunked) {
      const again = to - from === CHUNKED.length && isWord(bytes, from, CHUNKED);
      return again ? PROBLEM.repeatedChunked : PROBLEM.chunkedNotLast;
    }
    if (to - from === CHUNKED.length && isWord(bytes, from, CHUNKED)) {
      this.chunked = true;
      return undefined;
    }
    return transferEncodingProblem(bytes, from, to);
  }

  /** Connection = #connection-option, each a token (RFC 9110 section 7.6.1). Empty elements are let pass. */
  #readConnection(bytes: Uint8Array, from: number, to: number): H1Problem | undefined {
    for (let at = from; at < to;) {
      if (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB) {
        at++;
        continue;
      }
      const begin = at;
      while (at < to && TOKEN[bytes[at]!]! !== 0) at++;
      const end = at;
      while (at < to && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      if (end === begin || (at < to && bytes[at] !== COMMA)) return PROBLEM.badConnection;
      if (++this.#options > MAX_CONNECTION_OPTIONS) return PROBLEM.badConnection;
      const length = end - begin;
      if (length === KEEP_ALIVE.length && isWord(bytes, begin, KEEP_ALIVE)) this.keepAlive = true;
      else if (length === CLOSE.length && isWord(bytes, begin, CLOSE)) this.close = true;
      else if (length === UPGRADE.length && isWord(bytes, begin, UPGRADE)) this.upgradeOption = true;
      else this.#namesHeaders = true;
    }
    return undefined;
  }

  /** Takes out the headers that Connection names, wherever they stand. */
  #takeOutNamed(bytes: Uint8Array, base: number): void {
    const named = new Set(
      (this.value("connection", bytes, base) ?? "").split(",").map((option) => option.trim().toLowerCase()),
    );
    for (let line = 0; line < this.count; line++) {
      const kind = this.#kinds[line]! & KIND;
      if (kind !== FIELD.OTHER && kind !== FIELD.TRAILER) continue;
      const name = this.#name(line, bytes, base);
      if (named.has(name) && !isProtected(name)) this.takeOut(line);
    }
  }
}

export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}

function nameProblem(bytes: Uint8Array, from: number, at: number): H1Problem {
  const octet = bytes[at]!;
  if (octet === LF) return PROBLEM.bareLf;
  if (octet === CR) return bytes[at + 1] === LF ? PROBLEM.noColon : PROBLEM.bareCr;
  if (octet === 0) return PROBLEM.nul;
  if (octet === COLON) return PROBLEM.emptyName;
  if (octet === SP || octet === HTAB) return at === from ? PROBLEM.obsFold : PROBLEM.spaceBeforeColon;
  return PROBLEM.badName;
}

function valueProblem(octet: number): H1Problem {
  if (octet === LF) return PROBLEM.bareLf;
  if (octet === CR) return PROBLEM.bareCr;
  return octet === 0 ? PROBLEM.nul : PROBLEM.controlCharacter;
}

function codings(bytes: Uint8Array, from: number, to: number): readonly string[] {
  return latin1(bytes, from, to)
    .split(",")
    .map((coding) => coding.trim().toLowerCase());
}

/** Which problem a Transfer-Encoding is that is not plainly `chunked`. */
function transferEncodingProblem(bytes: Uint8Array, from: number, to: number): H1Problem {
  if (to - from > MAX_CODINGS_BYTES) return PROBLEM.badTransferEncoding;
  const names = codings(bytes, from, to);
  if (names.some((name) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))) return PROBLEM.badTransferEncoding;
  if (names.filter((name) => name === "chunked").length > 1) return PROBLEM.repeatedChunked;
  return names.at(-1) === "chunked" ? PROBLEM.unknownTransferCoding : PROBLEM.chunkedNotLast;
}

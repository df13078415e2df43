import { DEFAULT_TABLE_BYTES, DynamicTable } from "./dynamic-table.ts";
import { ENTRY_OVERHEAD, type Field } from "./field.ts";
import { STATIC_COUNT, STATIC_NAMES, staticIndex } from "./static-table.ts";

/** Where encoded blocks go. `bytes` may be another object after `reserve`. */
export interface HpackOutput {
  bytes: Uint8Array;
  length: number;
  /** Makes room for `more` bytes behind `length`. */
  reserve(more: number): void;
}

/** Values that differ from message to message: they enter the table only when the same object comes again. */
const VOLATILE: ReadonlySet<string> = new Set([
  ":path",
  "age",
  "content-length",
  "content-range",
  "date",
  "etag",
  "expires",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "range",
  "referer",
  "grpc-timeout",
  "grpc-message",
  "traceparent",
  "tracestate",
  "x-forwarded-for",
  "x-request-id",
]);

/** Never in a table (RFC 7541 section 7.1.3), whatever the sender says. */
const SECRET: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "set-cookie"]);
/** A cookie that is shorter could be guessed from how well it compresses. */
const SHORT_COOKIE = 20;

/** Objects whose place is remembered; then all are forgotten. */
const MAX_KNOWN = 512;
/** A field that was seen once and is not in a table. */
const SEEN = -1;
/** An entry larger than this part of the table would push out too much. */
const MAX_PART = 4;
/** How far back entries of one name are compared. */
const MAX_CHAIN = 8;

/**
 * Encodes header lists of one connection, in their order (RFC 7541). A field object that came before and is still in the
 * table costs one look and one or two octets. Strings are written as they are: Huffman code would cost both ends more than
 * the octets it saves between a router and a pod.
 */
export class HpackEncoder {
  readonly #table = new DynamicTable<Field>();
  /** A static index, or `STATIC_COUNT + 1 + number` of an entry, or SEEN. */
  readonly #known = new Map<Field, number>();
  /** The number of the last entry with a name; it may be gone. */
  readonly #names = new Map<string, number>();
  /** For each entry the number of the one before with the same name. */
  readonly #before: number[] = [];
  /** The smallest size since the last block, which the peer must hear of first; -1 when none. */
  #smallest = -1;
  #size = DEFAULT_TABLE_BYTES;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setMaxTableBytes(bytes: number): void {
    const size = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (size === this.#size) return;
    this.#smallest = this.#smallest < 0 ? size : Math.min(this.#smallest, size);
    this.#size = size;
  }

  /** Lets go of what is only kept to be fast. */
  trim(): void {
    this.#known.clear();
  }

  /** Appends a whole block. */
  encode(fields: readonly Field[], out: HpackOutput): void {
    if (this.#smallest >= 0) this.#sizeUpdates(out);
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      const code = this.#known.get(field);
      if (code !== undefined && code > 0) {
        if (code <= STATIC_COUNT) {
          out.reserve(1);
          out.bytes[out.length++] = 0x80 | code;
          continue;
        }
        const number = code - STATIC_COUNT - 1;
        if (number >= this.#table.oldest) {
          writeInteger(out, this.#table.inserted - number + STATIC_COUNT, 0x7f, 0x80);
          continue;
        }
      }
      this.#other(field, out, code !== undefined);
    }
  }

  /** A field whose place is not known. */
  #other(field: Field, out: HpackOutput, again: boolean): void {
    const { name, value } = field;
    const fixed = staticIndex(name, value);
    if (fixed > 0) {
      this.#remember(field, fixed);
      out.reserve(1);
      out.bytes[out.length++] = 0x80 | fixed;
      return;
    }
    if (field.sensitive || SECRET.has(name) || (name === "cookie" && value.length < SHORT_COOKIE)) {
      this.#literal(field, out, 0x10);
      return;
    }
    const number = this.#find(name, value);
    if (number >= 0) {
      this.#remember(field, STATIC_COUNT + 1 + number);
      writeInteger(out, this.#table.inserted - number + STATIC_COUNT, 0x7f, 0x80);
      return;
    }
    const large = (name.length + value.length + ENTRY_OVERHEAD) * MAX_PART > this.#table.maxBytes;
    if (large || (!again && VOLATILE.has(name))) {
      if (!large) this.#remember(field, SEEN);
      this.#literal(field, out, 0x00);
      return;
    }
    this.#literal(field, out, 0x40);
    this.#insert(field);
  }

  #remember(field: Field, code: number): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(field, code);
  }

  /** The number of an entry with this name and value; -1 when there is none. */
  #find(name: string, value: string): number {
    let number = this.#names.get(name) ?? -1;
    for (let step = 0; step < MAX_CHAIN && number >= this.#table.oldest; step++) {
      if (this.#table.at(number).value === value) return number;
      number = this.#before[number % MAX_ENTRIES]!;
    }
    return -1;
  }

  #insert(field: Field): void {
    const number = this.#table.inserted;
    this.#table.insert(field);
    if (this.#table.inserted === number) return;
    this.#before[number % MAX_ENTRIES] = this.#names.get(field.name) ?? -1;
    if (this.#names.size >= MAX_ENTRIES * 2) this.#sweepNames();
    this.#names.set(field.name, number);
    this.#remember(field, STATIC_COUNT + 1 + number);
  }

  #sweepNames(): void {
    for (const [name, number] of this.#names) {
      if (number < this.#table.oldest) this.#names.delete(name);
    }
  }

  #literal(field: Field, out: HpackOutput, representation: number): void {
    const { name, value } = field;
    const mask = representation === 0x40 ? 0x3f : 0x0f;
    let index = STATIC_NAMES.get(name) ?? 0;
    if (index === 0) {
      const number = this.#names.get(name) ?? -1;
      if (number >= this.#table.oldest) index = this.#table.inserted - number + STATIC_COUNT;
    }
    writeInteger(out, index, mask, representation);
    if (index === 0) writeString(out, name);
    writeString(out, value);
  }

  #sizeUpdates(out: HpackOutput): void {
    if (this.#smallest < this.#size) {
      this.#table.resize(this.#smallest);
      writeInteger(out, this.#smallest, 0x1f, 0x20);
    }
    this.#table.resize(this.#size);
    writeInteger(out, this.#size, 0x1f, 0x20);
    this.#smallest = -1;
  }
}

const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD;
const MAX_INTEGER_BYTES = 6;
const QUESTION_MARK = 63;

/** RFC 7541 section 5.1; `mask` covers the bits of the first octet, `flags` are the others. */
function writeInteger(out: HpackOutput, value: number, mask: number, flags: number): void {
  out.reserve(MAX_INTEGER_BYTES);
  const { bytes } = out;
  if (value < mask) {
    bytes[out.length++] = flags | value;
    return;
  }
  bytes[out.length++] = flags | mask;
  let rest = value - mask;
  for (; rest > 0x7f; rest >>>= 7) bytes[out.length++] = (rest & 0x7f) | 0x80;
  bytes[out.length++] = rest;
}

/** What is no octet is written as "?": cut to eight bits it could become a line feed. */
function writeString(out: HpackOutput, text: string): void {
  const { length } = text;
  writeInteger(out, length, 0x7f, 0x00);
  out.reserve(length);
  const { bytes } = out;
  const at = out.length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    bytes[at + i] = code > 0xff ? QUESTION_MARK : code;
  }
  out.length = at + length;
}

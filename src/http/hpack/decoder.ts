import { DEFAULT_TABLE_BYTES, DynamicTable } from "./dynamic-table.ts";
import { KnownField } from "./field.ts";
import { huffmanDecode, huffmanMostBytes } from "./huffman.ts";
import { latin1 } from "./latin1.ts";
import { LiteralCache } from "./literal-cache.ts";
import { STATIC_COUNT, STATIC_FIELDS } from "./static-table.ts";

/** Past this an integer can name nothing that exists. */
const MAX_INTEGER = 0x0fff_ffff;

/**
 * Decodes header blocks of one connection, in their order (RFC 7541). A field that the peer's table or the static table holds
 * comes as the same object each time, and most literals that were seen before do too.
 *
 * A list larger than `maxListBytes` (counted as RFC 9113 section 6.5.2 does) is decoded to its end, so that the tables of both
 * ends stay alike, and not kept: `tooLarge` is set.
 */
export class HpackDecoder {
  /** What was wrong with the last block; the connection is lost with it (COMPRESSION_ERROR). */
  problem: string | undefined;
  tooLarge = false;
  /** Of the last block. */
  listBytes = 0;
  readonly #maxListBytes: number;
  readonly #table = new DynamicTable<KnownField>();
  #literals: LiteralCache | undefined;
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #to = 0;

  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** The fields of a whole block `bytes[from, to)`; undefined when it is no HPACK. The octets are not kept. */
  decode(bytes: Uint8Array, from: number, to: number): KnownField[] | undefined {
    const fields: KnownField[] = [];
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
    this.problem = undefined;
    this.tooLarge = false;
    this.listBytes = 0;
    let updates = true;
    while (this.#at < to) {
      const first = bytes[this.#at]!;
      let found: KnownField | undefined;
      if (first >= 0x80) {
        found = this.#indexed();
      } else if (first >= 0x40) {
        found = this.#rememberedLiteral(0x3f, false);
        if (found !== undefined) this.#table.insert(found);
      } else if (first >= 0x20) {
        if (updates && this.#resize()) continue;
        if (!updates) this.#fail("A table size update after the first field");
      } else {
        found = this.#rememberedLiteral(0x0f, first >= 0x10);
      }
      updates = false;
      if (found === undefined) {
        this.#bytes = NO_BYTES;
        return undefined;
      }
      this.listBytes += found.size;
      if (this.listBytes <= this.#maxListBytes) fields.push(found);
      else this.tooLarge = true;
    }
    this.#bytes = NO_BYTES;
    return fields;
  }

  /** Lets go of what is only kept to be fast. */
  trim(): void {
    this.#literals = undefined;
  }

  #fail(problem: string): undefined {
    this.problem ??= problem;
    return undefined;
  }

  #indexed(): KnownField | undefined {
    const index = this.#integer(0x7f);
    return index < 0 ? undefined : this.#entry(index);
  }

  #entry(index: number): KnownField | undefined {
    if (index <= STATIC_COUNT) return index === 0 ? this.#fail("Index 0") : STATIC_FIELDS[index];
    const number = this.#table.inserted - (index - STATIC_COUNT);
    if (number < this.#table.oldest) return this.#fail(`Index ${index} is not in the table`);
    return this.#table.at(number);
  }

  #resize(): boolean {
    const bytes = this.#integer(0x1f);
    if (bytes < 0) return false;
    if (bytes > DEFAULT_TABLE_BYTES) {
      this.#fail(`A table of ${bytes} bytes; at most ${DEFAULT_TABLE_BYTES} are allowed`);
      return false;
    }
    this.#table.resize(bytes);
    return true;
  }

  /**
   * A literal, looked for by its octets first where they alone say what it is. Those that are put into the table as well:
   * nginx and HAProxy put the same field there again with each answer.
   */
  #rememberedLiteral(mask: number, never: boolean): KnownField | undefined {
    const from = this.#at;
    const name = this.#integer(mask);
    if (name < 0) return undefined;
    if (name > STATIC_COUNT) {
      this.#at = from;
      return this.#literal(mask, never);
    }
    if (name === 0 && !this.#skipString()) return undefined;
    if (!this.#skipString()) return undefined;
    const to = this.#at;
    const literals = (this.#literals ??= new LiteralCache());
    const known = literals.find(this.#bytes, from, to);
    if (known !== undefined) return known;
    this.#at = from;
    const made = this.#literal(mask, never);
    if (made !== undefined) literals.keep(this.#bytes.subarray(from, to), made);
    return made;
  }

  #literal(mask: number, sensitive = false): KnownField | undefined {
    const index = this.#integer(mask);
    if (index < 0) return undefined;
    const name = index === 0 ? this.#string() : this.#entry(index)?.name;
    if (name === undefined) return undefined;
    const value = this.#string();
    return value === undefined ? undefined : new KnownField(name, value, sensitive);
  }

  /** RFC 7541 section 5.1; -1 when it is cut or too large. `mask` covers the bits of the first octet. */
  #integer(mask: number): number {
    const bytes = this.#bytes;
    let value = bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < this.#to; shift += 7) {
      const octet = bytes[this.#at++]!;
      if (shift > 21) break;
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) {
        if (value <= MAX_INTEGER) return value;
        break;
      }
    }
    this.#fail("An integer that is cut or too large");
    return -1;
  }

  /** The length of the string that begins here; -1 when it is not whole. */
  #stringLength(): number {
    if (this.#at >= this.#to) {
      this.#fail("A field that is cut");
      return -1;
    }
    const length = this.#integer(0x7f);
    if (length >= 0 && length <= this.#to - this.#at) return length;
    this.#fail("A string that is cut");
    return -1;
  }

  #skipString(): boolean {
    const length = this.#stringLength();
    this.#at += length;
    return length >= 0;
  }

  #string(): string | undefined {
    const huffman = this.#at < this.#to && this.#bytes[this.#at]! >= 0x80;
    const length = this.#stringLength();
    if (length < 0) return undefined;
    const from = this.#at;
    this.#at += length;
    if (!huffman) return latin1(this.#bytes, from, this.#at);
    const most = huffmanMostBytes(length);
    const output = most <= scratch.length ? scratch : new Uint8Array(most);
    const decoded = huffmanDecode({ bytes: this.#bytes, from, to: this.#at }, output);
    return decoded < 0 ? this.#fail("Huffman code that is not valid") : latin1(output, 0, decoded);
  }
}

const NO_BYTES = new Uint8Array(0);
/** Nothing in it outlives a call. */
const scratch = new Uint8Array(16 * 1024);

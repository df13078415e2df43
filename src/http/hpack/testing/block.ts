import type { HpackEncoder, HpackOutput } from "../encoder.ts";
import type { Field } from "../field.ts";
import { HUFFMAN_CODES } from "../huffman.ts";

/** An output for one block. */
export class BlockOutput implements HpackOutput {
  bytes: Uint8Array = new Uint8Array(64);
  length = 0;

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array((this.length + more) * 2);
    grown.set(this.bytes);
    this.bytes = grown;
  }

  written(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

export function encodeBlock(encoder: HpackEncoder, fields: readonly Field[]): Uint8Array {
  const out = new BlockOutput();
  encoder.encode(fields, out);
  return out.written();
}

/** Huffman code of octets, as a peer would write it. */
export function huffmanEncode(octets: Iterable<number>): Uint8Array {
  let bits = "";
  for (const octet of octets) bits += bitsOf(octet);
  while (bits.length % 8 !== 0) bits += "1";
  return bytesOfBits(bits);
}

export function bitsOf(symbol: number): string {
  const { bits, code } = HUFFMAN_CODES[symbol]!;
  return code.toString(2).padStart(bits, "0");
}

export function bytesOfBits(bits: string): Uint8Array {
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
}

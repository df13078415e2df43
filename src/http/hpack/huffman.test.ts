import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HUFFMAN_CODES, huffmanDecode, huffmanMostBytes } from "./huffman.ts";
import { bitsOf, bytesOfBits, huffmanEncode } from "./testing/block.ts";

function decode(bytes: Uint8Array): number[] | undefined {
  const output = new Uint8Array(huffmanMostBytes(bytes.length));
  const length = huffmanDecode({ bytes, from: 0, to: bytes.length }, output);
  return length < 0 ? undefined : [...output.subarray(0, length)];
}

describe("Huffman code", () => {
  test("is complete: the codes fill the tree", () => {
    expect(HUFFMAN_CODES.length).toBe(257);
    expect(HUFFMAN_CODES.reduce((sum, { bits }) => sum + 2 ** (30 - bits), 0)).toBe(2 ** 30);
  });

  test("has the codes of RFC 7541 appendix B", () => {
    const codes: [number, number, number][] = [
      [0, 0x1ff8, 13],
      [10, 0x3ffffffc, 30],
      [48, 0x0, 5],
      [97, 0x3, 5],
      [126, 0x1ffd, 13],
      [195, 0x7fff1, 19],
      [199, 0x1ffffec, 25],
      [249, 0xffffffe, 28],
      [255, 0x3ffffee, 26],
      [256, 0x3fffffff, 30],
    ];
    for (const [symbol, code, bits] of codes) expect(HUFFMAN_CODES[symbol]).toEqual({ code, bits });
  });

  test("gives back what was encoded", () => {
    const all = Array.from({ length: 256 }, (_, octet) => octet);
    expect(decode(huffmanEncode(all))).toEqual(all);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        expect(decode(huffmanEncode(octets))).toEqual([...octets]);
      }),
      { numRuns: 300 },
    );
  });

  test("refuses EOS, padding of 8 bits and padding that is not of ones", () => {
    expect(decode(bytesOfBits(`${bitsOf(97)}${bitsOf(256)}11111`))).toBeUndefined();
    expect(decode(bytesOfBits(`${bitsOf(97)}11111111111`))).toBeUndefined();
    expect(decode(bytesOfBits(`${bitsOf(97)}110`))).toBeUndefined();
    expect(decode(bytesOfBits(`${bitsOf(97)}111`))).toEqual([97]);
    expect(decode(new Uint8Array())).toEqual([]);
  });

  test("any octets are decoded or refused, and stay within the room there is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const found = decode(bytes);
        expect(found === undefined || found.length <= huffmanMostBytes(bytes.length)).toBeTrue();
      }),
      { numRuns: 500 },
    );
  });
});

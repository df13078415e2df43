/**
 * How long each octet's code is, then that of EOS. The code of RFC 7541 appendix B is canonical: within one length codes rise
 * with the octet, and each length goes on where the one before ended; so the lengths say all.
 */
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const EOS = 256;

/** The code of each octet: `bits` of them, right-aligned in `code`. */
export interface HuffmanCode {
  readonly bits: number;
  readonly code: number;
}

function makeCodes(): HuffmanCode[] {
  const codes: HuffmanCode[] = [];
  let code = 0;
  for (let bits = 1; bits <= 30; bits++) {
    code *= 2;
    CODE_BITS.forEach((length, symbol) => {
      if (length === bits) codes[symbol] = { bits, code: code++ };
    });
  }
  return codes;
}

/** By octet; 256 is EOS. */
export const HUFFMAN_CODES: readonly HuffmanCode[] = makeCodes();

// An entry of the table: the next state, an octet that is complete, and what is known of the input so far.
const SYMBOL_SHIFT = 8;
const EMIT = 1 << 16;
/** The input may end here: what is left over is padding, fewer than 8 bits, all ones. */
const MAY_END = 1 << 17;
const FAIL = 1 << 18;

/** A node inside the tree of codes. A child is another node's number, or ~symbol. */
type Node = [number | undefined, number | undefined];

function makeTree(): { nodes: Node[]; mayEnd: boolean[] } {
  const nodes: Node[] = [[undefined, undefined]];
  HUFFMAN_CODES.forEach(({ bits, code }, symbol) => {
    let at = 0;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2;
      const node = nodes[at]!;
      if (bit === 0) {
        node[side] = ~symbol;
      } else {
        let next = node[side];
        if (next === undefined) {
          next = nodes.push([undefined, undefined]) - 1;
          node[side] = next;
        }
        at = next;
      }
    }
  });
  const mayEnd = nodes.map(() => false);
  for (let depth = 0, at = 0; depth < 8; depth++) {
    mayEnd[at] = true;
    at = nodes[at]![1]!;
  }
  return { nodes, mayEnd };
}

/** A state is a node; four bits lead on to the next one, and complete at most one octet since no code is shorter than five. */
function makeTable(): Uint32Array {
  const { nodes, mayEnd } = makeTree();
  const table = new Uint32Array(nodes.length * 16);
  for (let state = 0; state < nodes.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let at = state;
      let flags = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const child = nodes[at]![(nibble >> bit) & 1]!;
        if (child >= 0) {
          at = child;
        } else if (~child === EOS) {
          flags = FAIL;
          break;
        } else {
          flags |= EMIT | (~child << SYMBOL_SHIFT);
          at = 0;
        }
      }
      if (mayEnd[at]!) flags |= MAY_END;
      table[state * 16 + nibble] = at | flags;
    }
  }
  return table;
}

const TABLE = makeTable();

/** What `length` octets of Huffman code can become at most: no code is shorter than five bits. */
export function huffmanMostBytes(length: number): number {
  return Math.floor((length * 8) / 5);
}

/**
 * Decodes `input[from, to)` to the start of `output`, which has room for `huffmanMostBytes`. Returns how many octets, or -1:
 * EOS inside, or padding that is too long or not of ones (RFC 7541 section 5.2).
 */
export function huffmanDecode(
  input: { readonly bytes: Uint8Array; readonly from: number; readonly to: number },
  output: Uint8Array,
): number {
  const { bytes, to } = input;
  let length = 0;
  let entry = MAY_END;
  let failed = 0;
  for (let at = input.from; at < to; at++) {
    const octet = bytes[at]!;
    entry = TABLE[((entry & 0xff) << 4) | (octet >> 4)]!;
    failed |= entry;
    if ((entry & EMIT) !== 0) output[length++] = entry >> SYMBOL_SHIFT;
    entry = TABLE[((entry & 0xff) << 4) | (octet & 15)]!;
    failed |= entry;
    if ((entry & EMIT) !== 0) output[length++] = entry >> SYMBOL_SHIFT;
  }
  return (failed & FAIL) !== 0 || (entry & MAY_END) === 0 ? -1 : length;
}

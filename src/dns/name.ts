import { IsthmusError } from "#core/errors.ts";
import { MAX_LABEL_BYTES, MAX_NAME_BYTES } from "./constants.ts";

const encoder = new TextEncoder();

/**
 * A name of labels, as it is on the wire, in lower case (RFC 4343). Labels may hold any byte but are not empty.
 * Throws INVALID for a label over 63 bytes or a name over 255.
 */
export function wireName(labels: readonly string[]): Uint8Array {
  const encoded = labels.map((label) => encoder.encode(label.toLowerCase()));
  const length = encoded.reduce((sum, label) => sum + 1 + label.length, 1);
  if (length > MAX_NAME_BYTES || encoded.some((one) => one.length === 0 || one.length > MAX_LABEL_BYTES)) {
    throw new IsthmusError("INVALID", `"${labels.join(".")}" is no name for DNS`, {
      hint: "Labels have 1 to 63 bytes, names at most 255",
    });
  }
  const wire = new Uint8Array(length);
  let at = 0;
  for (const label of encoded) {
    wire[at] = label.length;
    wire.set(label, at + 1);
    at += 1 + label.length;
  }
  return wire;
}

/** Labels of a dotted name; a dot at its end says nothing. */
export function labelsOf(name: string): string[] {
  return name.replace(/\.$/, "").split(".");
}

/** The byte in lower case, if it is an ASCII letter (RFC 4343 section 3). */
export function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** Sets the bit that tells a small letter from a capital one in each of four bytes. */
const FOLD = 0x20202020;

/**
 * Of `bytes[from, to)`, four bytes at a time; the same for a wire name in any case. Other bytes that differ in that bit only have
 * the same hash too: who looks up compares.
 */
export function nameHash(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash = Math.imul((hash ^ (hash >>> 15)) + (word | FOLD), 0x2c1b3c6d);
  }
  for (; i < to; i++) hash = Math.imul((hash ^ (hash >>> 15)) + (bytes[i]! | 0x20), 0x297a2d39);
  return (hash ^ (hash >>> 13)) | 0;
}

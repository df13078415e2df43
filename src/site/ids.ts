import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A random name of 16 letters and digits (80 bits): for networks and sites, unique without asking anybody. */
export function newId(): string {
  return idFrom(randomBytes(16));
}

/** A name of that form from bytes that are as good as random: the first 16. */
export function idFrom(bytes: Uint8Array): string {
  let id = "";
  for (const byte of bytes.subarray(0, 16)) id += ALPHABET[byte & 31] ?? "";
  return id;
}

import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A random name of 16 letters and digits (80 bits): for networks and sites, unique without asking anybody. */
export function newId(): string {
  let id = "";
  for (const byte of randomBytes(16)) id += ALPHABET[byte & 31] ?? "";
  return id;
}

/**
 * 32 bit hash of a text, well mixed in all bits (FNV-1a over its UTF-16 units, then the finaliser of MurmurHash3). For
 * spreading, never for security. The same on every router, so that all of them choose the same endpoint for a client.
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return mix32(hash);
}

/** A bijection of 32 bit numbers that changes about half of the bits when one bit of the input changes (MurmurHash3, fmix32). */
export function mix32(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

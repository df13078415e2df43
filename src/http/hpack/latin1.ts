/** The text of octets, one character each. Not a `TextDecoder`, whose "latin1" is windows-1252. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return from === to ? "" : slice.call(bytes, from, to);
}

const slice = Buffer.prototype.latin1Slice;

/** 0 to 1, the same for the same text. */
export function hash(text: string): number {
  return (Bun.hash.cityHash32(text) >>> 0) / 0xffff_ffff;
}

/** Kept slices may hold at most this many times their own size of memory. */
const WASTE = 4;

/**
 * `chunk` from `from` on, to be kept for later. It is not copied, unless it is so small a part of the memory behind it
 * that keeping it would hold much more than it needs: a slice of 1 KiB must not keep 512 KiB alive. The caller must own
 * the memory: nobody writes to it any more.
 */
export function retain(chunk: Uint8Array, from: number): Uint8Array {
  const rest = chunk.length - from;
  return rest * WASTE >= chunk.buffer.byteLength ? chunk.subarray(from) : chunk.slice(from);
}

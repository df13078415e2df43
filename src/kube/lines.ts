import { IsthmusError } from "#core/errors.ts";

/** Longest line taken: etcd bounds objects at 1.5 MiB, an API server's watch event is at most a few times that. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

/**
 * Splits a byte stream at newlines, wherever its chunks were cut. Empty lines are left out; what follows the last
 * newline is a line only with `tail: true` (of a watch it is half an event, and must not be taken). Throws PROTOCOL
 * on a line longer than `maxBytes`. Each byte is looked at once.
 */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly maxBytes?: number; readonly tail?: boolean } = {},
): AsyncGenerator<string, void, undefined> {
  const maxBytes = options.maxBytes ?? MAX_LINE_BYTES;
  const decoder = new TextDecoder();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = (last: Uint8Array): string => {
    if (heldBytes + last.length > maxBytes) throw tooLong(maxBytes);
    if (heldBytes === 0) return decoder.decode(last);
    held.push(last);
    const text = decoder.decode(held.length === 1 ? last : Buffer.concat(held));
    held = [];
    heldBytes = 0;
    return text;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const text = take(chunk.subarray(start, end));
      start = end + 1;
      if (text.trim() !== "") yield text;
    }
    if (start < chunk.length) {
      heldBytes += chunk.length - start;
      if (heldBytes > maxBytes) throw tooLong(maxBytes);
      held.push(chunk.slice(start));
    }
  }
  if (options.tail === true && heldBytes > 0) yield take(new Uint8Array());
}

function tooLong(maxBytes: number): IsthmusError {
  return new IsthmusError("PROTOCOL", `A line of the stream is longer than ${maxBytes} bytes`, {
    source: "upstream",
  });
}

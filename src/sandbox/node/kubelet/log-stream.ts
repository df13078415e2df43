import { statSync } from "node:fs";
import { type LogFiles, readFrom } from "./log-files.ts";

const CHUNK_BYTES = 65_536;
const NEWLINE = 10;

export interface LogStreamOptions {
  readonly files: LogFiles;
  readonly file: string;
  readonly follow: boolean;
  readonly tailLines?: number;
  /** Leaves lines out that are older, ms since the epoch. */
  readonly sinceMs?: number;
  readonly timestamps: boolean;
  /** Calls `fn` when nothing more will be written, which ends a follow; the answer stops it. */
  onEnd(fn: () => void): () => void;
}

/** The lines of one log file, and with `follow` those to come. Reads as fast as it is read. */
export function logStream(options: LogStreamOptions): ReadableStream<Uint8Array> {
  const { files, file } = options;
  let offset = startOffset(options);
  let done = !options.follow;
  let wake: (() => void) | undefined;
  const stops = done
    ? []
    : [
        files.follow(file, () => wake?.()),
        options.onEnd(() => {
          done = true;
          wake?.();
        }),
      ];
  const unfollow = (): void => {
    for (const stop of stops.splice(0)) stop();
  };
  let partial = new Uint8Array();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          // What was written before the end is read after it was seen: the flag comes first.
          const last = done;
          if (sizeOf(file) < offset) {
            offset = 0;
            partial = new Uint8Array();
          }
          const chunk = readFrom(file, { offset, limit: CHUNK_BYTES });
          if (chunk.length > 0) {
            const at = offset;
            offset += chunk.length;
            const out = options.timestamps ? stamp(chunk, at) : chunk;
            if (out.length > 0) {
              controller.enqueue(out);
              return;
            }
            continue;
          }
          if (last) {
            if (partial.length > 0)
              controller.enqueue(Buffer.concat([timePrefix(offset - partial.length), partial]));
            unfollow();
            controller.close();
            return;
          }
          await new Promise<void>((resolve) => (wake = resolve));
          wake = undefined;
        }
      },
      cancel() {
        done = true;
        unfollow();
        wake?.();
      },
    },
    { highWaterMark: 0 },
  );

  /** Puts the time before each whole line; keeps the rest for the next chunk. */
  function stamp(chunk: Uint8Array, at: number): Uint8Array {
    const base = at - partial.length;
    const bytes = partial.length === 0 ? chunk : Buffer.concat([partial, chunk]);
    const parts: Uint8Array[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      parts.push(timePrefix(base + from), bytes.subarray(from, end + 1));
      from = end + 1;
    }
    const rest = bytes.subarray(from);
    partial = new Uint8Array(rest);
    return Buffer.concat(parts);
  }

  function timePrefix(position: number): Uint8Array {
    const time = new Date(files.timeOf(file, position)).toISOString().replace("Z", "000000Z");
    return new TextEncoder().encode(`${time} `);
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function startOffset({ files, file, tailLines, sinceMs }: LogStreamOptions): number {
  const size = sizeOf(file);
  let offset = tailLines === undefined ? 0 : tailOffset(file, { size, lines: tailLines });
  if (sinceMs === undefined) return offset;
  while (offset < size && files.timeOf(file, offset) < sinceMs) {
    const chunk = readFrom(file, { offset, limit: CHUNK_BYTES });
    const end = chunk.indexOf(NEWLINE);
    if (chunk.length === 0) break;
    offset += end < 0 ? chunk.length : end + 1;
  }
  return offset;
}

/** Where the last `lines` lines begin. */
function tailOffset(file: string, { size, lines }: { size: number; lines: number }): number {
  if (lines <= 0) return size;
  let left = lines;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = readFrom(file, { offset: start, limit: end - start });
    for (let index = chunk.length - 1; index >= 0; index--) {
      // The newline that ends the file begins no line.
      if (chunk[index] !== NEWLINE || start + index === size - 1) continue;
      if (--left === 0) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

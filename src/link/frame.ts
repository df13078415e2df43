import { MAX_HELLO_BYTES, MAX_OPEN_BYTES, MAX_PAYLOAD_BYTES, MAX_REASON_BYTES } from "./constants.ts";

/*
 * A frame is an 8-byte header and its payload, little endian:
 *
 *    0      2 3      4      7 8
 *   +--------+------+--------+----------
 *   | length | type | stream | payload
 *   +--------+------+--------+----------
 *
 * `length` counts the payload only. Stream 0 is the lane itself.
 */

/** What a frame type may look like. */
export interface FrameShape {
  readonly name: string;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** Whether it belongs to a stream; else its stream id is 0. */
  readonly stream: boolean;
}

/** By type number; a hole is an unknown type. */
export const FRAME_SHAPES: readonly (FrameShape | undefined)[] = [
  undefined,
  { name: "HELLO", minBytes: 2, maxBytes: MAX_HELLO_BYTES, stream: false },
  { name: "OPEN", minBytes: 9, maxBytes: MAX_OPEN_BYTES, stream: true },
  { name: "DATA", minBytes: 1, maxBytes: MAX_PAYLOAD_BYTES, stream: true },
  { name: "FIN", minBytes: 0, maxBytes: 0, stream: true },
  { name: "RESET", minBytes: 1, maxBytes: 1 + MAX_REASON_BYTES, stream: true },
  { name: "WINDOW", minBytes: 4, maxBytes: 4, stream: true },
  { name: "PING", minBytes: 8, maxBytes: 8, stream: false },
  { name: "PONG", minBytes: 8, maxBytes: 8, stream: false },
  { name: "GOAWAY", minBytes: 1, maxBytes: 1 + MAX_REASON_BYTES, stream: false },
  { name: "CONTROL", minBytes: 5, maxBytes: MAX_PAYLOAD_BYTES, stream: false },
];

/** For logs and close reasons: `DATA(stream 5, 17 bytes)`. */
export function describeFrame(type: number, streamId: number, length: number): string {
  const shape = FRAME_SHAPES[type];
  const where = streamId === 0 ? "" : `stream ${streamId}, `;
  return `${shape?.name ?? `type ${type}`}(${where}${length} bytes)`;
}

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

const decoder = new TextDecoder();

/** The rest of a payload as text; bytes that are no UTF-8 become U+FFFD. */
export function readText(bytes: Uint8Array, from: number, to: number): string {
  return from === to ? "" : decoder.decode(bytes.subarray(from, to));
}

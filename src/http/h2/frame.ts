import { FLAG, FRAME, H2_ERROR, MAX_FRAME_BYTES } from "./constants.ts";

/*
 * A frame (RFC 9113 section 4.1), big endian:
 *
 *    0      2 3      4       5        8 9
 *   +--------+------+-------+----------+----------
 *   | length | type | flags | stream   | payload
 *   +--------+------+-------+----------+----------
 */

const NAMES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];

export interface FrameHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** For close reasons: `DATA(stream 5, 17 bytes)`. */
export function describeFrame({ type, streamId, length }: FrameHeader): string {
  const where = streamId === 0 ? "" : `stream ${streamId}, `;
  return `${NAMES[type] ?? `type ${type}`}(${where}${length} bytes)`;
}

/** What is wrong with a frame whatever the state: the error code of RFC 9113 section 6, or NO_ERROR. All end the connection. */
export function frameError({ type, flags, streamId, length }: FrameHeader): number {
  if (length > MAX_FRAME_BYTES) return H2_ERROR.FRAME_SIZE_ERROR;
  switch (type) {
    case FRAME.DATA:
    case FRAME.HEADERS:
    case FRAME.PUSH_PROMISE:
    case FRAME.CONTINUATION:
      return onStream(streamId);
    case FRAME.PRIORITY:
      return sized(length === 5, onStream(streamId));
    case FRAME.RST_STREAM:
      return sized(length === 4, onStream(streamId));
    case FRAME.SETTINGS:
      return sized((flags & FLAG.ACK) === 0 ? length % 6 === 0 : length === 0, onConnection(streamId));
    case FRAME.PING:
      return sized(length === 8, onConnection(streamId));
    case FRAME.GOAWAY:
      return sized(length >= 8, onConnection(streamId));
    case FRAME.WINDOW_UPDATE:
      return sized(length === 4, H2_ERROR.NO_ERROR);
    default:
      return H2_ERROR.NO_ERROR;
  }
}

function onStream(streamId: number): number {
  return streamId === 0 ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.NO_ERROR;
}

function onConnection(streamId: number): number {
  return streamId === 0 ? H2_ERROR.NO_ERROR : H2_ERROR.PROTOCOL_ERROR;
}

function sized(right: boolean, otherwise: number): number {
  return right ? otherwise : H2_ERROR.FRAME_SIZE_ERROR;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** A u32 without its reserved first bit: stream ids, window increments. */
export function readU31(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) & 0x7fff_ffff;
}

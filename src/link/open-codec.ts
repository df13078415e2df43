import { MAX_HOPS } from "./constants.ts";
import { readU16 } from "./frame.ts";
import type { StreamOpen } from "./types.ts";

/*
 * OPEN is made for each connection, so it is binary:
 *
 *   u8 protocol (1 = tcp) · u16 port · service · endpoint · client · trace · u8 hops · hop…
 *
 * where each text is a u8 length and that many bytes of UTF-8. What follows is ignored: a later version may add to it.
 */

const PROTOCOL_TCP = 1;
const MAX_TEXT_BYTES = 255;
export const MAX_ENCODED_OPEN_BYTES = 4 + (4 + MAX_HOPS) * (1 + MAX_TEXT_BYTES);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Why `open` cannot be sent, or undefined. */
export function problemOfOpen(open: StreamOpen): string | undefined {
  if (open.hops.length > MAX_HOPS) return `More than ${MAX_HOPS} hops`;
  if (!(open.port > 0 && open.port < 65_536)) return `Port ${open.port} is not in 1..65535`;
  if (tooLong(open.service) || tooLong(open.endpoint)) return "Service or endpoint is longer than 255 bytes";
  if (tooLong(open.client) || tooLong(open.trace)) return "Client or trace is longer than 255 bytes";
  for (let i = 0; i < open.hops.length; i++) {
    if (tooLong(open.hops[i]!)) return "Site id is longer than 255 bytes";
  }
  return undefined;
}

/** Writes at `at`, where MAX_ENCODED_OPEN_BYTES are free, and returns the end. `problemOfOpen` found none. */
export function encodeOpen(bytes: Uint8Array, at: number, open: StreamOpen): number {
  bytes[at] = PROTOCOL_TCP;
  bytes[at + 1] = open.port;
  bytes[at + 2] = open.port >> 8;
  let next = writeText(bytes, at + 3, open.service);
  next = writeText(bytes, next, open.endpoint);
  next = writeText(bytes, next, open.client);
  next = writeText(bytes, next, open.trace);
  const hops = open.hops;
  bytes[next++] = hops.length;
  for (let i = 0; i < hops.length; i++) next = writeText(bytes, next, hops[i]!);
  return next;
}

/** Undefined where the payload is malformed. */
export function decodeOpen(bytes: Uint8Array, from: number, to: number): StreamOpen | undefined {
  if (to - from < 9 || bytes[from] !== PROTOCOL_TCP) return undefined;
  const port = readU16(bytes, from + 1);
  if (port === 0) return undefined;
  const reader = new TextReader(bytes, from + 3, to);
  const service = reader.text();
  const endpoint = reader.text();
  const client = reader.text();
  const trace = reader.text();
  const count = reader.byte();
  if (count > MAX_HOPS) return undefined;
  const hops: string[] = [];
  for (let i = 0; i < count; i++) hops.push(reader.text());
  if (reader.failed || service === "") return undefined;
  return { service, port, endpoint, protocol: "tcp", client, hops, trace };
}

function tooLong(text: string): boolean {
  if (text.length <= 85) return false;
  return text.length > MAX_TEXT_BYTES || encoder.encode(text).length > MAX_TEXT_BYTES;
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return writeUnicode(bytes, at, text);
    bytes[at + 1 + i] = code;
  }
  bytes[at] = length;
  return at + 1 + length;
}

function writeUnicode(bytes: Uint8Array, at: number, text: string): number {
  const encoded = encoder.encode(text);
  bytes[at] = encoded.length;
  bytes.set(encoded, at + 1);
  return at + 1 + encoded.length;
}

class TextReader {
  failed = false;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  byte(): number {
    if (this.#at < this.#end) return this.#bytes[this.#at++]!;
    this.failed = true;
    return 0;
  }

  text(): string {
    const length = this.byte();
    const end = this.#at + length;
    if (this.failed || end > this.#end) {
      this.failed = true;
      return "";
    }
    const start = this.#at;
    this.#at = end;
    try {
      return length === 0 ? "" : decoder.decode(this.#bytes.subarray(start, end));
    } catch {
      this.failed = true;
      return "";
    }
  }
}

/** What the first bytes of a client show. */
export type Spoken = "http1" | "http2" | "other";

/** A first line longer than this that began like HTTP is taken for HTTP: its parser has the last word. */
const MAX_FIRST_LINE_BYTES = 8192;
const LONGEST_METHOD = 24;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/** "PRI * HTTP/2.0" CRLF CRLF "SM" CRLF CRLF (RFC 9113 section 3.4). */
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const VERSION = new TextEncoder().encode(" HTTP/1.");

/**
 * Tells HTTP/1 and HTTP/2 from anything else; undefined while the bytes may still become either. Strict, because what is
 * not HTTP is passed on untouched: an HTTP/1 request line must be whole, begin with a method of capital letters and a
 * target, and end with its version.
 */
export function spokenIn(bytes: Uint8Array): Spoken | undefined {
  const preface = beginsLike(bytes, PREFACE);
  if (preface !== false) return preface === "whole" ? "http2" : undefined;
  let at = 0;
  while (at < bytes.length && isMethodByte(bytes[at]!)) at++;
  if (at > LONGEST_METHOD) return "other";
  if (at === bytes.length) return undefined;
  if (at === 0 || bytes[at] !== SPACE) return "other";
  if (at + 1 === bytes.length) return undefined;
  if (!isTargetStart(bytes[at + 1]!)) return "other";
  const end = bytes.indexOf(LF, at);
  if (end < 0) return bytes.length > MAX_FIRST_LINE_BYTES ? "http1" : undefined;
  const last = bytes[end - 1] === CR ? end - 1 : end;
  const version = last - 1 - VERSION.length;
  if (version <= at) return "other";
  for (let i = 0; i < VERSION.length; i++) if (bytes[version + i] !== VERSION[i]) return "other";
  return "http1";
}

function beginsLike(bytes: Uint8Array, text: Uint8Array): "whole" | "so far" | false {
  const length = Math.min(bytes.length, text.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== text[i]) return false;
  return bytes.length < text.length ? "so far" : "whole";
}

function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d;
}

/** "/", "*", or the scheme of the absolute form. */
function isTargetStart(byte: number): boolean {
  return byte === 0x2f || byte === 0x2a || byte === 0x68 || byte === 0x48;
}

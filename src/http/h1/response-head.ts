import type { ByteWriter } from "../byte-writer.ts";
import { latin1 } from "./field-lines.ts";
import { FRAMING, UPGRADE, type Framing } from "./framing.ts";
import { Head } from "./head.ts";
import { METHOD, type Method } from "./method.ts";
import { ascii, CR, LF, SP, VALUE } from "./octets.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";

/** What the client is told that the message itself does not say. Informational responses take none of it. */
export interface ResponseEdit {
  readonly clientMinor: 0 | 1;
  /** The connection to the client is closed after this response. */
  readonly close: boolean;
  /** The body goes out chunked. Without effect where the length is known or there can be no body. */
  readonly chunk: boolean;
  /** Whole header lines, each with CRLF. */
  readonly extra?: string | undefined;
  /** Send the switch to WebSocket on; only where `upgrade` of the head is WEBSOCKET. */
  readonly upgrade: boolean;
}

const VERSION = ascii("HTTP/1.");
const HTTP11 = ascii("HTTP/1.1 ");
/** `HTTP/1.1 200` and the byte behind it. */
const SHORTEST = 13;
const CRLF = ascii("\r\n");
const CONTENT_LENGTH = ascii("Content-Length: ");
const CHUNKED = ascii("Transfer-Encoding: chunked\r\n");
const WEBSOCKET = ascii("Connection: Upgrade\r\nUpgrade: websocket\r\n");
const CLOSE = ascii("Connection: close\r\n");
const KEEP_ALIVE = ascii("Connection: keep-alive\r\n");

/**
 * The head of one HTTP/1.1 or HTTP/1.0 response (RFC 9112): parsed strictly, then written anew for the client. Nothing
 * may stand before the status line. A refused response says nothing of where it ends: the connection it came on is of
 * no more use.
 *
 * `contentLength` is what the response says, though it may not have a body; `keepAlive` holds only if the body has an
 * end of its own; `upgrade` is WEBSOCKET when this is 101 and the switch is to it.
 */
export class ResponseHead extends Head {
  status = 0;
  /** 1xx, except 101: another response follows. */
  informational = false;
  /** Where the status line ends, counted from the start of the head, without CRLF. */
  #lineTo = 0;

  /** How the body is delimited, of the response to a request with this method (RFC 9112 section 6.3). */
  framingFor(method: Method): Framing {
    if (method === METHOD.HEAD || this.#bodiless()) return FRAMING.NONE;
    if (this.lines.chunked) return FRAMING.CHUNKED;
    if (this.contentLength < 0) return FRAMING.CLOSE;
    return this.contentLength === 0 ? FRAMING.NONE : FRAMING.LENGTH;
  }

  /**
   * Appends the head as the client gets it, always HTTP/1.1: what was parsed, written anew. Hop-by-hop headers and those
   * that Connection names are left out; framing and connection headers are ours. Content-Length is kept where it tells
   * of a body that is not sent (HEAD, 304), and left out of 1xx and 204, which may not have it.
   */
  write(out: ByteWriter, edit: ResponseEdit): void {
    const { bytes } = this;
    const { base } = this;
    const even = this.minor === 1 && bytes[base + SHORTEST - 1] === SP;
    if (even) {
      this.lines.write(out, bytes, { base, from: 0, to: this.#lineTo + CRLF.length });
    } else {
      out.all(HTTP11);
      out.decimal(this.status);
      out.byte(SP);
      out.copy(bytes, Math.min(base + SHORTEST, base + this.#lineTo), base + this.#lineTo);
      out.all(CRLF);
      this.lines.write(out, bytes, { base, from: 0, to: 0 });
    }
    if (this.status === 101) {
      if (edit.upgrade && this.upgrade === UPGRADE.WEBSOCKET) out.all(WEBSOCKET);
    } else if (!this.informational) {
      this.#writeFinal(out, edit);
    }
    out.all(CRLF);
  }

  #writeFinal(out: ByteWriter, edit: ResponseEdit): void {
    if (this.status !== 204) {
      if (this.contentLength >= 0) {
        out.all(CONTENT_LENGTH);
        out.decimal(this.contentLength);
        out.all(CRLF);
      } else if (edit.chunk && this.status !== 304) {
        out.all(CHUNKED);
      }
    }
    if (edit.close) out.all(CLOSE);
    else if (edit.clientMinor === 0) out.all(KEEP_ALIVE);
    if (edit.extra !== undefined) out.text(edit.extra);
  }

  #bodiless(): boolean {
    return this.status < 200 || this.status === 204 || this.status === 304;
  }

  protected override startTooLong(): H1Problem {
    return PROBLEM.headTooLarge;
  }

  /** All that is kept counts from the start of the head. */
  protected override moved(): void {}

  /** `HTTP/1.x SP 3DIGIT [SP reason]`: the space before an empty reason is often left out, and nothing hangs on it. */
  protected override startLine(bytes: Uint8Array, from: number, end: number): number {
    const last = Math.min(VERSION.length, end - from);
    for (let i = 0; i < last; i++) {
      if (bytes[from + i] !== VERSION[i]) return this.refuse(this.#startProblem(bytes, from, end));
    }
    if (end - from < SHORTEST) {
      return bytes.subarray(from, end).includes(LF) ? this.refuse(PROBLEM.badStatusLine) : 0;
    }
    const minor = bytes[from + 7]! - 0x30;
    if (minor !== 1 && minor !== 0) return this.refuse(this.#startProblem(bytes, from, end));
    const hundreds = bytes[from + 9]! - 0x30;
    const tens = bytes[from + 10]! - 0x30;
    const ones = bytes[from + 11]! - 0x30;
    const digits = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
    if (bytes[from + 8] !== SP || !digits) return this.refuse(PROBLEM.badStatusLine);
    let at = from + 12;
    if (bytes[at] === SP) {
      at++;
      while (at < end && VALUE[bytes[at]!]! !== 0) at++;
    }
    if (at >= end || (bytes[at] === CR && at + 1 >= end)) return 0;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.refuse(lineProblem(bytes[at]!));
    this.minor = minor;
    this.status = hundreds * 100 + tens * 10 + ones;
    this.#lineTo = at - from;
    return at + 2;
  }

  #startProblem(bytes: Uint8Array, from: number, end: number): H1Problem {
    const start = latin1(bytes, from, Math.min(end, from + 9));
    return /^HTTP\/\d\.\d $/.test(start) ? PROBLEM.badVersion : PROBLEM.badStatusLine;
  }

  protected override conclude(): boolean {
    const { lines } = this;
    this.informational = this.status < 200 && this.status !== 101;
    const websocket = this.status === 101 && lines.websocket && lines.upgradeOption && this.minor === 1;
    this.upgrade = websocket ? UPGRADE.WEBSOCKET : UPGRADE.NONE;
    return true;
  }
}

function lineProblem(octet: number): H1Problem {
  if (octet === LF) return PROBLEM.bareLf;
  if (octet === CR) return PROBLEM.bareCr;
  return octet === 0 ? PROBLEM.nul : PROBLEM.badStatusLine;
}

import type { ByteWriter } from "../byte-writer.ts";
import { latin1 } from "./field-lines.ts";
import { FRAMING, UPGRADE, type Framing } from "./framing.ts";
import { Head, NOTHING } from "./head.ts";
import { isHost } from "./host.ts";
import { MAX_METHOD_BYTES } from "./limits.ts";
import { isIdempotent, METHOD, methodOf, type Method } from "./method.ts";
import { ascii, CR, isUpper, isWord, LF, METHOD_OCTET, QUESTION, SLASH, SP, TARGET } from "./octets.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";

/** What the next hop is told that the message itself does not say. */
export interface RequestEdit {
  /** IP address of the client, without brackets. */
  readonly clientAddress: string;
  readonly scheme: "http" | "https";
  /** Bytes of the path that are cut off; a "/" is put before what is left when it does not begin with one. */
  readonly stripBytes?: number;
  /** Our name for a `Via` line; undefined sends none. */
  readonly via?: string | undefined;
  /** Send the WebSocket upgrade on; only where `upgrade` of the head is WEBSOCKET. */
  readonly upgrade: boolean;
  /** Send `Expect: 100-continue` on, if the client sent it. Otherwise it ends here, and who takes the request answers 100. */
  readonly expect?: boolean;
}

const ASTERISK = 0x2a;
const HTTP_URI = ascii("http://");
const HTTPS_URI = ascii("https://");
const LINE_END = ascii(" HTTP/1.1\r\n");
/** `HTTP/1.` and behind it the digit and CRLF. */
const VERSION = ascii("HTTP/1.");
const VERSION_BYTES = 10;
const HOST = ascii("Host: ");
const CRLF = ascii("\r\n");
const CONTENT_LENGTH = ascii("Content-Length: ");
const CHUNKED = ascii("Transfer-Encoding: chunked\r\n");
const WEBSOCKET = ascii("Connection: Upgrade\r\nUpgrade: websocket\r\n");
const EXPECT = ascii("Expect: 100-continue\r\n");
const FORWARDED_HOST = "X-Forwarded-Host: ";

/**
 * The head of one HTTP/1.1 or HTTP/1.0 request (RFC 9112): parsed strictly, then written anew for the next hop. One
 * empty line before the request line is skipped (section 2.2). A problem is answered with its status, and the
 * connection closed.
 */
export class RequestHead extends Head {
  methodFrom = 0;
  methodTo = 0;
  /**
   * The target in origin form (of an absolute one, what is behind the authority), or "*" with OPTIONS. Of an absolute
   * target it may lack its "/": empty, or beginning with "?". `path()` and `write` put it there.
   */
  targetFrom = 0;
  targetTo = 0;
  /** Where the path ends: at "?" or `targetTo`. */
  pathTo = 0;
  method: Method = METHOD.OTHER;
  framing: Framing = FRAMING.NONE;
  /** The client waits for 100 before it sends the body. Only of HTTP/1.1, and only with a body. */
  expectContinue = false;
  idempotent = false;
  /** The target came in absolute form. */
  #absolute = false;
  #authorityFrom = 0;
  #authorityTo = 0;
  /** `X-Forwarded-For`, `-Proto` and the name of `-Host` for the last edit: the same for all requests of a connection. */
  #forwarded = NOTHING;
  #forwardedAddress = "";
  #forwardedScheme = "";

  /** The path without the query; begins with "/", except for "*". Makes a string. */
  path(): string {
    const path = latin1(this.bytes, this.targetFrom, this.pathTo);
    return path === "" ? "/" : path;
  }

  /** As it was sent. Makes a string. */
  methodName(): string {
    return latin1(this.bytes, this.methodFrom, this.methodTo);
  }

  /** Of the Host line, or of an absolute target; "" where there is none. Makes a string. */
  host(): string {
    const line = this.lines.host;
    return line >= 0
      ? latin1(this.bytes, this.base + this.lines.valueFrom(line), this.base + this.lines.valueTo(line))
      : latin1(this.bytes, this.#authorityFrom, this.#authorityTo);
  }

  /**
   * Appends the head as the next hop gets it, always HTTP/1.1: what was parsed, written anew. Hop-by-hop headers, those
   * that Connection names and what others say of the client are left out; framing and X-Forwarded-For, -Proto and -Host
   * are ours.
   */
  write(out: ByteWriter, edit: RequestEdit): void {
    const { lines } = this;
    const { bytes } = this;
    const { base } = this;
    const strip = edit.stripBytes ?? 0;
    if (this.minor === 1 && strip === 0 && !this.#absolute) {
      const run = { base, from: this.methodFrom - base, to: this.targetTo + LINE_END.length - base };
      lines.write(out, bytes, run);
    } else {
      this.#writeRequestLine(out, strip);
      lines.write(out, bytes, { base, from: 0, to: 0 });
    }
    this.#writeForwarded(out, edit);
    if (edit.via !== undefined) out.text(`Via: ${this.minor === 1 ? "1.1" : "1.0"} ${edit.via}\r\n`);
    if (edit.expect === true && this.expectContinue) out.all(EXPECT);
    if (edit.upgrade && this.upgrade === UPGRADE.WEBSOCKET) out.all(WEBSOCKET);
    if (this.framing === FRAMING.CHUNKED) {
      out.all(CHUNKED);
    } else if (this.contentLength >= 0) {
      out.all(CONTENT_LENGTH);
      out.decimal(this.contentLength);
      out.all(CRLF);
    }
    out.all(CRLF);
  }

  #writeRequestLine(out: ByteWriter, strip: number): void {
    const { bytes } = this;
    out.copy(bytes, this.methodFrom, this.methodTo);
    out.byte(SP);
    const from = Math.min(this.targetFrom + strip, this.pathTo);
    const star = bytes[from] === ASTERISK && from < this.targetTo && !this.#absolute && strip === 0;
    if (this.#absolute && this.method === METHOD.OPTIONS && this.targetFrom === this.targetTo) {
      out.byte(ASTERISK); // RFC 9112 section 3.2.4: OPTIONS of the whole server.
    } else {
      if (!star && (from === this.targetTo || bytes[from] !== SLASH)) out.byte(SLASH);
      out.copy(bytes, from, this.targetTo);
    }
    out.all(LINE_END);
    if (this.lines.host >= 0) return;
    out.all(HOST); // HTTP/1.0 knew none, HTTP/1.1 wants one, if need be empty (RFC 9112 section 3.2).
    if (this.#absolute) out.copy(bytes, this.#authorityFrom, this.#authorityTo);
    out.all(CRLF);
  }

  #writeForwarded(out: ByteWriter, edit: RequestEdit): void {
    if (edit.clientAddress !== this.#forwardedAddress || edit.scheme !== this.#forwardedScheme) {
      this.#forwardedAddress = edit.clientAddress;
      this.#forwardedScheme = edit.scheme;
      const lines = `X-Forwarded-For: ${edit.clientAddress}\r\nX-Forwarded-Proto: ${edit.scheme}\r\n`;
      this.#forwarded = ascii(lines + FORWARDED_HOST);
    }
    const forwarded = this.#forwarded;
    const line = this.lines.host;
    const from = line >= 0 ? this.base + this.lines.valueFrom(line) : this.#authorityFrom;
    const to = line >= 0 ? this.base + this.lines.valueTo(line) : this.#authorityTo;
    if (from === to) {
      out.copy(forwarded, 0, forwarded.length - FORWARDED_HOST.length);
      return;
    }
    out.all(forwarded);
    out.copy(this.bytes, from, to);
    out.all(CRLF);
  }

  protected override startTooLong(): H1Problem {
    return PROBLEM.targetTooLong;
  }

  protected override moved(by: number): void {
    this.methodFrom += by;
    this.methodTo += by;
    this.targetFrom += by;
    this.targetTo += by;
    this.pathTo += by;
    this.#authorityFrom += by;
    this.#authorityTo += by;
  }

  protected override startLine(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    if (bytes[at] === CR && at < end) {
      if (at + 1 >= end) return 0;
      if (bytes[at + 1] !== LF) return this.refuse(PROBLEM.bareCr);
      at += 2;
    }
    const methodFrom = at;
    while (at < end && METHOD_OCTET[bytes[at]!]! !== 0) at++;
    if (at - methodFrom > MAX_METHOD_BYTES) return this.refuse(PROBLEM.badMethod);
    if (at >= end) return 0;
    if (at === methodFrom || bytes[at] !== SP) return this.refuse(methodProblem(bytes[at]!));
    const targetFrom = at + 1;
    this.methodFrom = methodFrom;
    this.methodTo = at;
    at = targetFrom;
    while (at < end && TARGET[bytes[at]!]! !== 0) at++;
    if (at >= end) return 0;
    if (at === targetFrom || bytes[at] !== SP) return this.refuse(targetProblem(bytes[at]!));
    const versionFrom = at + 1;
    if (versionFrom + VERSION_BYTES > end) {
      // Nobody needs to wait for more of a line that has ended.
      return bytes.subarray(versionFrom, end).includes(LF)
        ? this.refuse(versionProblem(bytes, versionFrom, end))
        : 0;
    }
    for (let i = 0; i < VERSION.length; i++) {
      if (bytes[versionFrom + i] !== VERSION[i]) return this.refuse(versionProblem(bytes, versionFrom, end));
    }
    const minor = bytes[versionFrom + 7]! - 0x30;
    if (minor !== 1 && minor !== 0) return this.refuse(versionProblem(bytes, versionFrom, end));
    if (bytes[versionFrom + 8] !== CR || bytes[versionFrom + 9] !== LF) {
      return this.refuse(lineEndProblem(bytes, versionFrom + 8));
    }
    this.minor = minor;
    this.targetFrom = targetFrom;
    this.targetTo = at;
    return this.#target(bytes, versionFrom + VERSION_BYTES);
  }

  /** Which form the target has (RFC 9112 section 3.2). */
  #target(bytes: Uint8Array, next: number): number {
    const { targetFrom: from, targetTo: to } = this;
    this.method = methodOf(bytes, this.methodFrom, this.methodTo);
    this.#absolute = false;
    this.#authorityFrom = this.#authorityTo = 0;
    if (this.method === METHOD.CONNECT) return this.refuse(PROBLEM.connectRefused);
    if (bytes[from] === ASTERISK && to - from === 1) {
      this.pathTo = to;
      return this.method === METHOD.OPTIONS ? next : this.refuse(PROBLEM.badTarget);
    }
    if (bytes[from] !== SLASH && !this.#authority(bytes)) return this.refuse(PROBLEM.badTarget);
    let at = this.targetFrom;
    while (at < to && bytes[at] !== QUESTION) at++;
    this.pathTo = at;
    return next;
  }

  /** Takes scheme and authority off an absolute target. User information is refused (RFC 9110 section 4.2.4). */
  #authority(bytes: Uint8Array): boolean {
    const { targetFrom: from, targetTo: to } = this;
    let at = from;
    if (to - from >= HTTP_URI.length && isWord(bytes, from, HTTP_URI)) {
      at += HTTP_URI.length;
    } else if (to - from >= HTTPS_URI.length && isWord(bytes, from, HTTPS_URI)) {
      at += HTTPS_URI.length;
    } else {
      return false;
    }
    const authorityFrom = at;
    while (at < to && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
    if (at === authorityFrom || !isHost(bytes, authorityFrom, at)) return false;
    this.#absolute = true;
    this.#authorityFrom = authorityFrom;
    this.#authorityTo = at;
    this.targetFrom = at;
    return true;
  }

  protected override conclude(): boolean {
    const { lines } = this;
    const problem = this.#hostProblem() ?? this.#traceProblem();
    if (problem !== undefined) {
      this.refuse(problem);
      return false;
    }
    this.framing = lines.chunked ? FRAMING.CHUNKED : lines.contentLength > 0 ? FRAMING.LENGTH : FRAMING.NONE;
    this.expectContinue = lines.expectContinue && this.minor === 1 && this.framing !== FRAMING.NONE;
    this.idempotent = isIdempotent(this.method);
    const upgrade =
      lines.websocket && lines.upgradeOption && this.minor === 1 && this.framing === FRAMING.NONE;
    this.upgrade = upgrade && this.method === METHOD.GET ? UPGRADE.WEBSOCKET : UPGRADE.NONE;
    return true;
  }

  #hostProblem(): H1Problem | undefined {
    const { lines } = this;
    const { bytes } = this;
    if (lines.host < 0) return this.minor === 1 ? PROBLEM.noHost : undefined;
    const from = this.base + lines.valueFrom(lines.host);
    const to = this.base + lines.valueTo(lines.host);
    if (!isHost(bytes, from, to)) return PROBLEM.badHost;
    if (!this.#absolute) return undefined;
    if (to - from !== this.#authorityTo - this.#authorityFrom) return PROBLEM.hostMismatch;
    for (let i = 0; i < to - from; i++) {
      if (lower(bytes[from + i]!) !== lower(bytes[this.#authorityFrom + i]!)) return PROBLEM.hostMismatch;
    }
    return undefined;
  }

  #traceProblem(): H1Problem | undefined {
    const { lines } = this;
    const wrong = this.method === METHOD.TRACE && (lines.chunked || lines.contentLength > 0);
    return wrong ? PROBLEM.traceWithBody : undefined;
  }
}

function lower(octet: number): number {
  return isUpper(octet) ? octet + 0x20 : octet;
}

function lineEndProblem(bytes: Uint8Array, at: number): H1Problem {
  if (bytes[at] === LF) return PROBLEM.bareLf;
  return bytes[at] === CR ? PROBLEM.bareCr : PROBLEM.badRequestLine;
}

function methodProblem(octet: number): H1Problem {
  if (octet === LF) return PROBLEM.bareLf;
  return octet === CR || octet === SP ? PROBLEM.badRequestLine : PROBLEM.badMethod;
}

function targetProblem(octet: number): H1Problem {
  if (octet === LF) return PROBLEM.bareLf;
  return octet === CR || octet === SP ? PROBLEM.badRequestLine : PROBLEM.badTarget;
}

/** Another version of HTTP is an answer of its own; anything else is no request line. */
function versionProblem(bytes: Uint8Array, from: number, end: number): H1Problem {
  const text = latin1(bytes, from, Math.min(end, from + VERSION_BYTES));
  if (/^HTTP\/1\.[01]\n/.test(text)) return PROBLEM.bareLf;
  return /^HTTP\/\d\.\d[\r\n]/.test(text) ? PROBLEM.badVersion : PROBLEM.badRequestLine;
}

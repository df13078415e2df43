import { HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import { CR, HEX_VALUE, LF, TOKEN, VALUE } from "./octets.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";
import { Trailers } from "./trailers.ts";

/** Where the data of a body goes. */
export interface BodySink {
  /** The next part of the body is `bytes[from, to)`, as it lies in what was read; never empty. */
  onBody(bytes: Uint8Array, from: number, to: number): void;
}

const STATE = {
  SIZE: 0,
  EXTENSION_NAME: 1,
  EXTENSION_VALUE: 2,
  QUOTED: 3,
  QUOTED_PAIR: 4,
  QUOTE_END: 5,
  SIZE_LF: 6,
  DATA: 7,
  DATA_CR: 8,
  DATA_LF: 9,
  /** At the first byte of a trailer line or of the empty line. */
  TRAILER_LINE: 10,
  TRAILER: 11,
  LAST_LF: 12,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** 2^53 has 14 digits; two more may be zeros in front. */
const MAX_SIZE_DIGITS = 16;
/** Extensions of one chunk. */
const MAX_EXTENSION_BYTES = 1024;
/** Extensions of the whole body may be this much longer than its data so far: nobody is to send the one instead of the other. */
const EXTENSION_CREDIT_BYTES = 16_384;

/**
 * Reads a chunked body (RFC 9112 section 7.1), in whatever pieces it comes. Data is given out where it lies; chunk
 * extensions are checked and dropped, as section 7.1.1 allows; trailers are gathered and checked.
 *
 *     size --";"--> extensions --CR--> LF --> data --> CR --> LF --> size
 *       \--------------CR-----------> LF --0--> trailer lines --empty line--> done
 */
export class ChunkedReader {
  /** The last chunk and the trailers are read. */
  done = false;
  problem: H1Problem | undefined;
  /** Trailer lines that may be sent on, each with CRLF; undefined when there is none. */
  trailers: Uint8Array | undefined;
  readonly #trailers: Trailers;
  #state: State = STATE.SIZE;
  #digits = 0;
  #size = 0;
  #extensionBytes = 0;
  #tokenBytes = 0;
  /** Credit minus extension bytes plus data bytes, of the whole body. */
  #extensionCredit = EXTENSION_CREDIT_BYTES;

  constructor(limits: Partial<HeadLimits> = {}) {
    this.#trailers = new Trailers({ ...HEAD_LIMITS, ...limits });
  }

  reset(): void {
    this.done = false;
    this.problem = undefined;
    this.trailers = undefined;
    this.#trailers.reset();
    this.#state = STATE.SIZE;
    this.#digits = 0;
    this.#size = 0;
    this.#extensionBytes = 0;
    this.#extensionCredit = EXTENSION_CREDIT_BYTES;
  }

  /**
   * Reads on. Returns the index up to which it read: `to`, or with `done` the index behind the body; -1 with `problem`.
   * Data that came before a problem has been given out.
   */
  read(bytes: Uint8Array, from: number, to: number, sink: BodySink): number {
    if (this.problem !== undefined) return -1;
    let at = from;
    while (at < to && !this.done) {
      if (this.#state === STATE.DATA) {
        const end = Math.min(to, at + this.#size);
        this.#size -= end - at;
        this.#extensionCredit += end - at;
        if (this.#size === 0) this.#state = STATE.DATA_CR;
        sink.onBody(bytes, at, end);
        at = end;
      } else if (this.#state === STATE.TRAILER) {
        const begin = at;
        while (at < to && bytes[at] !== LF) at++;
        if (at < to) {
          at++;
          this.#state = STATE.TRAILER_LINE;
        }
        if (!this.#trailers.gather(bytes, begin, at)) return this.#refuse(this.#trailers.problem!);
      } else {
        const octet = bytes[at]!;
        if (this.#state === STATE.TRAILER_LINE && octet !== CR) {
          this.#state = STATE.TRAILER;
          continue;
        }
        const problem = this.#octet(octet);
        if (problem !== undefined) return this.#refuse(problem);
        at++;
      }
    }
    return at;
  }

  #refuse(problem: H1Problem): -1 {
    this.problem = problem;
    return -1;
  }

  /** One byte that is neither data nor of a trailer line. */
  #octet(octet: number): H1Problem | undefined {
    switch (this.#state) {
      case STATE.SIZE:
        return this.#sizeOctet(octet);
      case STATE.SIZE_LF:
        if (octet !== LF) return PROBLEM.bareCr;
        this.#state = this.#size === 0 ? STATE.TRAILER_LINE : STATE.DATA;
        return undefined;
      case STATE.DATA_CR:
        if (octet !== CR) return octet === LF ? PROBLEM.bareLf : PROBLEM.badChunkEnd;
        this.#state = STATE.DATA_LF;
        return undefined;
      case STATE.DATA_LF:
        if (octet !== LF) return PROBLEM.bareCr;
        this.#state = STATE.SIZE;
        this.#digits = 0;
        this.#extensionBytes = 0;
        return undefined;
      case STATE.TRAILER_LINE:
        this.#state = STATE.LAST_LF;
        return undefined;
      case STATE.LAST_LF:
        if (octet !== LF) return PROBLEM.bareCr;
        this.trailers = this.#trailers.finish();
        this.done = this.#trailers.problem === undefined;
        return this.#trailers.problem;
      default:
        return this.#extensionOctet(octet);
    }
  }

  #sizeOctet(octet: number): H1Problem | undefined {
    const digit = HEX_VALUE[octet]!;
    if (digit < 16) {
      if (this.#digits++ === 0) this.#size = 0;
      this.#size = this.#size * 16 + digit;
      return this.#digits > MAX_SIZE_DIGITS || this.#size > Number.MAX_SAFE_INTEGER
        ? PROBLEM.chunkTooLarge
        : undefined;
    }
    if (octet === LF) return PROBLEM.bareLf;
    if (this.#digits === 0 || (octet !== CR && octet !== SEMICOLON)) return PROBLEM.badChunkSize;
    this.#state = octet === CR ? STATE.SIZE_LF : STATE.EXTENSION_NAME;
    this.#tokenBytes = 0;
    return undefined;
  }

  /** `*( ";" token [ "=" ( token / quoted-string ) ] )`; the white space that section 7.1.1 calls bad is refused. */
  #extensionOctet(octet: number): H1Problem | undefined {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES || --this.#extensionCredit < 0) {
      return PROBLEM.chunkExtensionTooLong;
    }
    if (octet === LF) return PROBLEM.bareLf;
    const state = this.#state;
    if (state === STATE.QUOTED || state === STATE.QUOTED_PAIR) {
      if (VALUE[octet] === 0) return octet === CR ? PROBLEM.bareCr : PROBLEM.badChunkExtension;
      if (state === STATE.QUOTED_PAIR) this.#state = STATE.QUOTED;
      else if (octet === BACKSLASH) this.#state = STATE.QUOTED_PAIR;
      else if (octet === QUOTE) this.#state = STATE.QUOTE_END;
      return undefined;
    }
    if (state !== STATE.QUOTE_END) {
      if (TOKEN[octet]! !== 0) {
        this.#tokenBytes++;
        return undefined;
      }
      if (octet === QUOTE && state === STATE.EXTENSION_VALUE && this.#tokenBytes === 0) {
        this.#state = STATE.QUOTED;
        return undefined;
      }
      if (this.#tokenBytes === 0) return PROBLEM.badChunkExtension;
    }
    this.#tokenBytes = 0;
    if (octet === CR) this.#state = STATE.SIZE_LF;
    else if (octet === SEMICOLON) this.#state = STATE.EXTENSION_NAME;
    else if (octet === EQUALS && state === STATE.EXTENSION_NAME) this.#state = STATE.EXTENSION_VALUE;
    else return PROBLEM.badChunkExtension;
    return undefined;
  }
}

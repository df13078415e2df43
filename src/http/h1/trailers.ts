import { ByteWriter } from "../byte-writer.ts";
import { FieldLines } from "./field-lines.ts";
import { FIELD } from "./field-name.ts";
import type { HeadLimits } from "./limits.ts";
import { CR, LF } from "./octets.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";

/**
 * Fields that mean nothing, or something dangerous, after the body (RFC 9110 section 6.5.1): framing, routing, request
 * modifiers, authentication, response control, and what says how to read the content. Who gets a trailer late may have
 * decided already, or merges it into the head: then this would be a way around what was checked there.
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  "accept",
  "age",
  "authorization",
  "cache-control",
  "cookie",
  "date",
  "etag",
  "expires",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "location",
  "max-forwards",
  "origin",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "trailer",
  "vary",
  "via",
  "warning",
  "www-authenticate",
]);
const FORBIDDEN_BEGINNINGS = ["access-control-", "content-", "proxy-", "sec-", "x-forwarded-"];

/** The trailer section of a chunked body: gathers it, checks it like header lines, and drops what is forbidden there. */
export class Trailers {
  problem: H1Problem | undefined;
  readonly #limits: HeadLimits;
  readonly #gathered = new ByteWriter(256);

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  reset(): void {
    this.#gathered.clear();
    this.problem = undefined;
  }

  /** Appends part of the section, without the empty line. False: too large, see `problem`. */
  gather(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#gathered.length + to - from + 2 > this.#limits.maxHeadBytes) {
      this.problem = PROBLEM.headTooLarge;
      return false;
    }
    this.#gathered.copy(bytes, from, to);
    return true;
  }

  /** The lines that may be sent on, each with CRLF; undefined when there is none, or with `problem`. */
  finish(): Uint8Array | undefined {
    if (this.#gathered.length === 0) return undefined;
    this.#gathered.byte(CR);
    this.#gathered.byte(LF);
    const { bytes } = this.#gathered;
    const lines = new FieldLines(this.#limits.maxHeaders);
    lines.trailers = true;
    const read = lines.read(bytes, 0, this.#gathered.length);
    if (read < 0) {
      this.problem = lines.problem;
      return undefined;
    }
    for (let line = 0; line < lines.count; line++) {
      const { kind, name } = lines.describe(line, bytes, 0);
      const folded = name.replaceAll("_", "-");
      const forbidden =
        kind !== FIELD.OTHER ||
        FORBIDDEN.has(folded) ||
        FORBIDDEN_BEGINNINGS.some((beginning) => folded.startsWith(beginning));
      if (forbidden) lines.takeOut(line);
    }
    const out = new ByteWriter(this.#gathered.length + 4 * lines.count);
    lines.write(out, bytes, { base: 0, from: 0, to: 0 });
    return out.length === 0 ? undefined : out.written();
  }
}

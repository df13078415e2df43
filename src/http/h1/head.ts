import { FieldLines } from "./field-lines.ts";
import { UPGRADE, type Upgrade } from "./framing.ts";
import { HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import { PROBLEM, type H1Problem } from "./problem.ts";

const STATE = { FRESH: 0, START_LINE: 1, HEADERS: 2, ENDED: 3 } as const;
type State = (typeof STATE)[keyof typeof STATE];

export const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * What request and response heads have in common: how they are read. Used again for message after message; nothing is
 * made per message.
 *
 *             parse: bytes are missing
 *              +---+          +---+
 *              |   v          |   v
 *   fresh --> start line --> headers --> ended: parse > 0, the fields are valid until the next parse or reset
 *                 \------------\-------> ended: parse = -1, `problem` says why
 */
export abstract class Head {
  /** What was parsed last; the head lies in it. */
  bytes: Uint8Array = NOTHING;
  minor: 0 | 1 = 1;
  /** Bytes of the body as the head says; 0 when it is empty; -1 when it says nothing. */
  contentLength = -1;
  /** Another message may follow on this connection, as far as the head says. */
  keepAlive = true;
  upgrade: Upgrade = UPGRADE.NONE;
  problem: H1Problem | undefined;
  protected readonly lines: FieldLines;
  /** Where in `bytes` the head begins. */
  protected base = 0;
  readonly #maxBytes: number;
  #state: State = STATE.FRESH;

  constructor(limits: Partial<HeadLimits> = {}) {
    this.#maxBytes = limits.maxHeadBytes ?? HEAD_LIMITS.maxHeadBytes;
    this.lines = new FieldLines(limits.maxHeaders ?? HEAD_LIMITS.maxHeaders);
  }

  /** Forgets what was read, and the memory it lay in. */
  reset(): void {
    this.bytes = NOTHING;
    this.problem = undefined;
    this.#state = STATE.FRESH;
  }

  /**
   * Reads a head that begins at `from`. Returns the index behind it; 0 when bytes are missing: call again with the same
   * head from its first byte (wherever it lies by then) and more behind it; -1 when it is refused, see `problem`. After
   * a head has ended the next call begins a new one.
   */
  parse(bytes: Uint8Array, from: number, to: number): number {
    const { lines } = this;
    const cap = from + this.#maxBytes;
    const end = to < cap ? to : cap;
    if (this.#state === STATE.FRESH || this.#state === STATE.ENDED) {
      lines.reset();
      this.problem = undefined;
      this.#state = STATE.START_LINE;
    } else if (!lines.lineArrived(bytes, from, end) && to <= cap) {
      return 0;
    }
    if (this.#state === STATE.START_LINE) {
      const read = this.startLine(bytes, from, end);
      if (read < 0) return -1;
      if (read === 0) {
        if (to > cap) return this.refuse(this.startTooLong());
        lines.searched = end - from;
        return 0;
      }
      lines.next = read - from;
      this.base = from;
      this.#state = STATE.HEADERS;
    }
    const read = lines.read(bytes, from, end);
    if (read < 0) return this.refuse(lines.problem!);
    if (read === 0) return to > cap ? this.refuse(PROBLEM.headTooLarge) : 0;
    this.bytes = bytes;
    if (from !== this.base) {
      this.moved(from - this.base);
      this.base = from;
    }
    this.#state = STATE.ENDED;
    this.contentLength = lines.contentLength;
    this.keepAlive = !lines.close && (this.minor === 1 || lines.keepAlive);
    if (lines.chunked && this.minor === 0) return this.refuse(PROBLEM.teInHttp10);
    return this.conclude() ? read : -1;
  }

  /** Value of a header by its name in small letters; of several lines the joined list. Makes strings. */
  header(lowercaseName: string): string | undefined {
    return this.lines.value(lowercaseName, this.bytes, this.base);
  }

  /** Returns the index behind the start line, 0 when bytes are missing, -1 with `problem`. */
  protected abstract startLine(bytes: Uint8Array, from: number, end: number): number;
  /** The problem of a start line that does not end within the limit. */
  protected abstract startTooLong(): H1Problem;
  /** The head now begins `by` bytes further on than when its start line was read. */
  protected abstract moved(by: number): void;
  /** All lines are read: what they mean together. False with `problem`. */
  protected abstract conclude(): boolean;

  protected refuse(problem: H1Problem): -1 {
    this.problem = problem;
    this.#state = STATE.ENDED;
    return -1;
  }
}

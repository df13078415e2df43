import type { Clock } from "#core/clock.ts";
import { HpackDecoder } from "#http/hpack/decoder.ts";
import type { KnownField } from "#http/hpack/field.ts";
import { FLAG, FRAME, H2_ERROR } from "./constants.ts";
import { describeFrame, type FrameHeader } from "./frame.ts";
import type { H2Limits } from "./limits.ts";
import type { Police } from "./police.ts";

/** A part of a frame: `bytes[from, to)`. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** A header list as it came. */
export interface HeaderList {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly fields: readonly KnownField[];
  /** It is larger than allowed: `fields` are only its beginning. */
  readonly tooLarge: boolean;
}

/** A list so many times larger than allowed was made to hurt. */
const BOMB = 4;

/** A block whose end has not come yet. */
interface OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly sinceMs: number;
  readonly fragments: Uint8Array[];
  bytes: number;
}

/**
 * Makes header lists out of HEADERS and CONTINUATION (RFC 9113 sections 4.3, 6.2, 6.10). A block in one frame is decoded where
 * it lies. Blocks are decoded whatever becomes of their streams, so that the tables of both ends stay alike.
 *
 *   none --HEADERS with END_HEADERS--> none
 *    |  ^
 *    |  +--CONTINUATION with END_HEADERS--+
 *    +--HEADERS--> open --CONTINUATION----+   (any other frame: PROTOCOL_ERROR)
 */
export class HeaderBlocks {
  readonly #limits: H2Limits;
  readonly #clock: Clock;
  readonly #police: Police;
  readonly #decoder: HpackDecoder;
  #open: OpenBlock | undefined;

  constructor(options: { limits: H2Limits; clock: Clock; police: Police }) {
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#police = options.police;
    this.#decoder = new HpackDecoder(options.limits.maxHeaderListBytes);
  }

  /** Since when a block is open. */
  get openSinceMs(): number | undefined {
    return this.#open?.sinceMs;
  }

  /** Lets go of what is only kept to be fast. */
  trim(): void {
    this.#decoder.trim();
  }

  /** Whether a frame may come now. */
  inOrder({ type, streamId }: FrameHeader): boolean {
    if (this.#open === undefined) return type !== FRAME.CONTINUATION;
    return type === FRAME.CONTINUATION && streamId === this.#open.streamId;
  }

  /** Undefined when the list is not whole yet, or the connection has ended. */
  headers(frame: FrameHeader, payload: Payload): HeaderList | undefined {
    const { flags, streamId } = frame;
    const { bytes } = payload;
    let { from, to } = payload;
    if ((flags & FLAG.PADDED) !== 0) to -= from < to ? bytes[from++]! : 1;
    if ((flags & FLAG.PRIORITY) !== 0) from += PRIORITY_BYTES;
    if (from > to) {
      this.#police.fail(H2_ERROR.PROTOCOL_ERROR, `More padding than there is in ${describeFrame(frame)}`);
      return undefined;
    }
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) return this.#decode(frame.streamId, endStream, { bytes, from, to });
    const sinceMs = this.#clock.monotonicMs();
    this.#open = {
      streamId,
      endStream,
      sinceMs,
      fragments: [bytes.slice(from, to)],
      bytes: to - from,
    };
    return undefined;
  }

  /** Like `headers`. */
  continuation(frame: FrameHeader, { bytes, from, to }: Payload): HeaderList | undefined {
    const open = this.#open!;
    open.fragments.push(bytes.slice(from, to));
    open.bytes += to - from;
    const { maxHeaderListBytes, maxContinuations } = this.#limits;
    // A list that is allowed is never larger encoded than it counts.
    if (open.bytes > maxHeaderListBytes || open.fragments.length > maxContinuations + 1) {
      const reason = "A header block that does not end";
      this.#police.end("continuationFlood", H2_ERROR.ENHANCE_YOUR_CALM, reason);
      return undefined;
    }
    if ((frame.flags & FLAG.END_HEADERS) === 0) return undefined;
    this.#open = undefined;
    const block = new Uint8Array(open.bytes);
    let at = 0;
    for (const fragment of open.fragments) {
      block.set(fragment, at);
      at += fragment.length;
    }
    return this.#decode(open.streamId, open.endStream, { bytes: block, from: 0, to: at });
  }

  #decode(streamId: number, endStream: boolean, block: Payload): HeaderList | undefined {
    const decoder = this.#decoder;
    const fields = decoder.decode(block.bytes, block.from, block.to);
    if (fields === undefined) {
      this.#police.fail(H2_ERROR.COMPRESSION_ERROR, decoder.problem ?? "");
      return undefined;
    }
    if (decoder.listBytes > this.#limits.maxHeaderListBytes * BOMB) {
      const reason = `A header list of ${decoder.listBytes} bytes`;
      this.#police.end("headerListBomb", H2_ERROR.ENHANCE_YOUR_CALM, reason);
      return undefined;
    }
    return { streamId, endStream, fields, tooLarge: decoder.tooLarge };
  }
}

/** Dependency and weight, which RFC 9113 section 5.3.2 says to ignore. */
const PRIORITY_BYTES = 5;

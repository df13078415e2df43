import type { Lane } from "./lane.ts";
import { readU32 } from "./frame.ts";

/*
 * CONTROL payload: u8 kind · u32 sequence · [u32 message length · u32 offset · bytes], little endian.
 * Kind 0 acknowledges every message up to the sequence; the others are messages. Sequence numbers start at 1 and count per
 * link and direction, not per lane.
 */
const ACK = 0;

/** Kinds of messages: of the link's user, and of the link itself. */
export const CONTROL_KIND = { USER: 1, COST: 2 } as const;
export type ControlKind = (typeof CONTROL_KIND)[keyof typeof CONTROL_KIND];

const HEADER_BYTES = 13;
/** Small enough that streams get their turns between the parts of a long message. */
const PART_BYTES = 16_384;
const PARTS_PER_TURN = 8;

interface Message {
  readonly seq: number;
  readonly kind: ControlKind;
  readonly bytes: Uint8Array;
}

export interface ControlOptions {
  readonly maxMessageBytes: number;
  readonly maxQueueBytes: number;
  /** The lane to send on. The same one is given as long as it lives. */
  readonly lane: () => Lane | undefined;
  readonly soon: (fn: () => void) => void;
  readonly deliver: (kind: number, message: Uint8Array) => void;
  /** The peer takes none of too many messages. */
  readonly overflow: () => void;
}

/**
 * Messages of a link: each arrives once and in order, over whichever lanes live. What is not acknowledged when its lane goes
 * is sent again on another one, so the receiver takes any byte of a message that it has already as the same byte.
 */
export class ControlChannel {
  queuedBytes = 0;
  readonly #options: ControlOptions;
  /** Not acknowledged, in order. */
  readonly #queue: Message[] = [];
  #lane: Lane | undefined;
  #nextSeq = 1;
  /** The next to send: a message of the queue and where in it. */
  #sendIndex = 0;
  #sendOffset = 0;
  #pumpPlanned = false;
  #expectedSeq = 1;
  #partial: Uint8Array | undefined;
  #partialBytes = 0;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** `bytes` belongs to the channel from now on. */
  send(kind: ControlKind, bytes: Uint8Array): void {
    this.#queue.push({ seq: this.#nextSeq++, kind, bytes });
    this.queuedBytes += bytes.length;
    if (this.queuedBytes > this.#options.maxQueueBytes) this.#options.overflow();
    else this.pump();
  }

  /** Sends what the lane has room for. To be called when a lane came, went, or has room. */
  pump(): void {
    if (this.#lane === undefined || this.#lane.closed) {
      this.#lane = this.#options.lane();
      this.#sendIndex = 0;
      this.#sendOffset = 0;
    }
    const lane = this.#lane;
    if (lane === undefined) return;
    for (let parts = 0; this.#sendIndex < this.#queue.length; parts++) {
      if (!lane.sender.hasRoom(HEADER_BYTES + PART_BYTES)) return;
      if (parts === PARTS_PER_TURN) return this.#pumpLater();
      const message = this.#queue[this.#sendIndex]!;
      const from = this.#sendOffset;
      const to = Math.min(from + PART_BYTES, message.bytes.length);
      lane.sendControl(message.kind, message.seq, { message: message.bytes, from, to });
      this.#sendOffset = to;
      if (to < message.bytes.length) continue;
      this.#sendIndex++;
      this.#sendOffset = 0;
    }
  }

  /** A CONTROL payload came. Returns what is wrong with it, if anything. */
  receive(lane: Lane, payload: Uint8Array): string | undefined {
    const kind = payload[0]!;
    const seq = readU32(payload, 1);
    if (kind === ACK) return this.#acknowledged(seq);
    if (payload.length < HEADER_BYTES) return "CONTROL without length and offset";
    const total = readU32(payload, 5);
    const offset = readU32(payload, 9);
    const part = payload.subarray(HEADER_BYTES);
    const end = offset + part.length;
    if (total > this.#options.maxMessageBytes) return `Control message of ${total} bytes`;
    if (end > total) return "CONTROL part past the end of its message";
    if (seq > this.#expectedSeq) return `Control message ${seq} where ${this.#expectedSeq} was due`;
    if (seq < this.#expectedSeq) {
      if (end === total) lane.sendControl(ACK, this.#expectedSeq - 1);
      return undefined;
    }
    if (this.#partial === undefined) this.#partial = new Uint8Array(total);
    if (this.#partial.length !== total) return "Control message that changed its length";
    if (offset > this.#partialBytes) return "CONTROL part before the one that it follows";
    if (end > this.#partialBytes) {
      this.#partial.set(part, offset);
      this.#partialBytes = end;
    }
    if (this.#partialBytes < total) return undefined;
    const message = this.#partial;
    this.#partial = undefined;
    this.#partialBytes = 0;
    this.#expectedSeq++;
    lane.sendControl(ACK, seq);
    this.#options.deliver(kind, message);
    return undefined;
  }

  #acknowledged(seq: number): string | undefined {
    if (seq >= this.#nextSeq) return `Acknowledgement of control message ${seq}, which was never sent`;
    while (this.#queue.length > 0 && this.#queue[0]!.seq <= seq) {
      this.queuedBytes -= this.#queue.shift()!.bytes.length;
      if (this.#sendIndex > 0) this.#sendIndex--;
      else this.#sendOffset = 0;
    }
    return undefined;
  }

  #pumpLater(): void {
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    this.#options.soon(() => {
      this.#pumpPlanned = false;
      this.pump();
    });
  }
}

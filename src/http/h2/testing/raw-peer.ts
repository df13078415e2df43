import { FakeClock } from "#core/clock.ts";
import { HpackDecoder } from "#http/hpack/decoder.ts";
import { HpackEncoder } from "#http/hpack/encoder.ts";
import type { Field } from "#http/hpack/field.ts";
import { encodeBlock } from "#http/hpack/testing/block.ts";
import { FLAG, FRAME, PREFACE } from "../constants.ts";
import { H2Counters } from "../counters.ts";
import { FrameDecoder } from "../decode.ts";
import { readU31, readU32 } from "../frame.ts";
import type { H2Limits } from "../limits.ts";
import { Session } from "../session.ts";
import { pairs, Recorder } from "./recorder.ts";

/** A frame as bytes. */
export function frame(
  type: number,
  options: { flags?: number; id?: number; payload?: Uint8Array | readonly number[] } = {},
): Uint8Array {
  const { flags = 0, id = 0, payload = [] } = options;
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, payload.length >> 16);
  view.setUint16(1, payload.length & 0xffff);
  view.setUint8(3, type);
  view.setUint8(4, flags);
  view.setUint32(5, id);
  bytes.set(payload, 9);
  return bytes;
}

export function u32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, i) => new DataView(bytes.buffer).setUint32(i * 4, value));
  return bytes;
}

/** A SETTINGS payload. */
export function settings(...entries: [number, number][]): Uint8Array {
  const bytes = new Uint8Array(entries.length * 6);
  const view = new DataView(bytes.buffer);
  entries.forEach(([id, value], i) => {
    view.setUint16(i * 6, id);
    view.setUint32(i * 6 + 2, value);
  });
  return bytes;
}

/** A frame that the session sent. */
export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Splits what a session sent into frames. */
export function readFrames(bytes: Uint8Array): SentFrame[] {
  const frames: SentFrame[] = [];
  let data: number[] = [];
  const decoder = new FrameDecoder({
    onFrameHeader: () => true,
    onFrame: ({ type, flags, streamId }, all, from, to) =>
      void frames.push({ type, flags, id: streamId, payload: all.slice(from, to) }),
    onDataPiece: ({ type, flags, streamId }, piece, last) => {
      data.push(...piece);
      if (!last) return;
      frames.push({ type, flags, id: streamId, payload: Uint8Array.from(data) });
      data = [];
    },
    onBadPadding: () => {
      throw new Error("Bad padding");
    },
  });
  decoder.feed(bytes);
  return frames;
}

/** A session under test, and a peer that sends whatever a test wants. */
export class RawPeer {
  readonly clock = new FakeClock();
  readonly counters = new H2Counters();
  readonly session: Session;
  /** Streams that the session took, as a server. */
  readonly accepted: Recorder[] = [];
  readonly goAways: { lastId: number; code: number }[] = [];
  closed: { reason: string; code: number | undefined } | undefined;
  /** Answers each request of a server with 200 and no body. */
  answering = false;
  readonly encoder = new HpackEncoder();
  readonly #hpack = new HpackDecoder(1 << 20);
  readonly #server: boolean;
  #soon: (() => void)[] = [];
  #sent: Uint8Array[] = [];

  constructor(role: "server" | "client", limits: Partial<H2Limits> = {}) {
    this.#server = role === "server";
    this.session = new Session({
      role,
      limits,
      clock: this.clock,
      counters: this.counters,
      soon: (fn) => void this.#soon.push(fn),
      send: (bytes) => {
        this.#sent.push(bytes.slice());
        return true;
      },
      events: {
        onStream: (stream, list, endStream) => {
          const recorder = new Recorder();
          recorder.stream = stream;
          recorder.onHeaders(list, endStream);
          stream.handler = recorder;
          this.accepted.push(recorder);
          if (this.answering) stream.headers([{ name: ":status", value: "200", sensitive: false }], true);
        },
        onGoAway: (lastId, code) => void this.goAways.push({ lastId, code }),
        onClosed: (reason, code) => {
          if (this.closed !== undefined) throw new Error("onClosed came twice");
          this.closed = { reason, code };
        },
      },
    });
    this.session.start();
  }

  /** Greets; what the session sends until then is dropped. */
  greet(payload: Uint8Array = new Uint8Array()): this {
    if (this.#server) this.session.receive(PREFACE.slice());
    this.session.receive(frame(FRAME.SETTINGS, { payload }));
    this.session.receive(frame(FRAME.SETTINGS, { flags: FLAG.ACK }));
    this.take();
    return this;
  }

  send(...frames: Uint8Array[]): this {
    for (const bytes of frames) this.session.receive(bytes);
    return this;
  }

  /** HEADERS in one frame. */
  headers(id: number, list: readonly Field[], options: { end?: boolean } = {}): this {
    const flags = FLAG.END_HEADERS | ((options.end ?? true) ? FLAG.END_STREAM : 0);
    return this.send(frame(FRAME.HEADERS, { flags, id, payload: encodeBlock(this.encoder, list) }));
  }

  data(id: number, payload: Uint8Array | readonly number[], options: { end?: boolean } = {}): this {
    return this.send(frame(FRAME.DATA, { id, payload, flags: (options.end ?? false) ? FLAG.END_STREAM : 0 }));
  }

  /** Ends the turn as often as there is something to do, and returns what was sent. */
  take(): SentFrame[] {
    this.#endTurns();
    const bytes = Buffer.concat(this.#sent);
    this.#sent = [];
    const greeting = !this.#server && bytes.subarray(0, PREFACE.length).equals(PREFACE);
    return readFrames(greeting ? bytes.subarray(PREFACE.length) : bytes);
  }

  /** Like `take`, for those who do not care what was sent. */
  drop(): void {
    this.#endTurns();
    this.#sent = [];
  }

  /** What was sent, as text: `HEADERS 1 end :status=200`, `RST_STREAM 1 8`. */
  took(): string[] {
    return this.take().map((sent) => this.#describe(sent));
  }

  /** The counters that are not 0. */
  counted(): Partial<H2Counters> {
    return Object.fromEntries(Object.entries(this.counters).filter(([, count]) => count > 0));
  }

  #endTurns(): void {
    while (this.#soon.length > 0) {
      const soon = this.#soon;
      this.#soon = [];
      for (const fn of soon) fn();
    }
  }

  #describe({ type, flags, id, payload }: SentFrame): string {
    const end = (flags & FLAG.END_STREAM) === 0 ? "" : " end";
    switch (type) {
      case FRAME.DATA:
        return `DATA ${id}${end} ${payload.length}`;
      case FRAME.HEADERS: {
        const list = this.#hpack.decode(payload, 0, payload.length);
        return `HEADERS ${id}${end} ${pairs(list ?? [])
          .map((pair) => pair.join("="))
          .join(" ")}`;
      }
      case FRAME.RST_STREAM:
        return `RST_STREAM ${id} ${readU32(payload, 0)}`;
      case FRAME.SETTINGS:
        return flags === 0 ? "SETTINGS" : "SETTINGS ack";
      case FRAME.PING:
        return `PING${flags === 0 ? "" : " ack"} ${Buffer.from(payload).toString("hex")}`;
      case FRAME.GOAWAY:
        return `GOAWAY ${readU31(payload, 0)} ${readU32(payload, 4)}`;
      case FRAME.WINDOW_UPDATE:
        return `WINDOW_UPDATE ${id} ${readU31(payload, 0)}`;
      default:
        return `type ${type}`;
    }
  }
}

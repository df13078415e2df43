import { describe, expect, test } from "bun:test";
import { FRAME } from "./constants.ts";
import { Decoder, type FrameSink } from "./decode.ts";
import { Output } from "./output.ts";
import { streamOpen } from "./testing/link-pair.ts";
import type { ProtocolErrorKind } from "./types.ts";

/** Writes down what comes out; pieces of one stream's DATA that follow each other are joined. */
class Log implements FrameSink {
  readonly entries: { what: string; bytes: number[] }[] = [];
  malformed: ProtocolErrorKind | undefined;

  onDataFrame(streamId: number, piece: Uint8Array): void {
    const last = this.entries.at(-1);
    if (last?.what === `data ${streamId}`) last.bytes.push(...piece);
    else this.entries.push({ what: `data ${streamId}`, bytes: [...piece] });
  }

  onFrame(type: number, streamId: number, bytes: Uint8Array, from: number, to: number): void {
    this.entries.push({ what: `frame ${type} ${streamId}`, bytes: [...bytes.subarray(from, to)] });
  }

  onMalformed(kind: ProtocolErrorKind): void {
    this.malformed = kind;
  }
}

function conversation(): Uint8Array {
  const output = new Output();
  output.hello(new TextEncoder().encode(`{"versions":[1]}`));
  output.ping(7);
  output.open(1, streamOpen());
  output.data(
    1,
    Uint8Array.from({ length: 90 }, (_, i) => i),
    0,
    90,
  );
  output.data(3, Uint8Array.of(9), 0, 1);
  output.window(1, 123_456);
  output.fin(1);
  output.control(1, 1, { message: Uint8Array.of(1, 2, 3), from: 0, to: 3 });
  output.reset(3, "DENIED", "näy");
  output.goAway(1, "");
  return taken(output);
}

function taken(output: Output): Uint8Array {
  let bytes = new Uint8Array(0);
  output.flush({
    handler: { onData() {}, onDrain() {}, onClose() {} },
    write(from, offset, length) {
      bytes = from.slice(offset, offset + length);
      return length;
    },
    end() {},
    destroy() {},
  });
  return bytes;
}

describe("Decoder", () => {
  const bytes = conversation();
  const whole = new Log();
  new Decoder(whole).feed(bytes);

  test("gives out every frame of what Output encodes", () => {
    expect(whole.malformed).toBeUndefined();
    expect(whole.entries.map((entry) => entry.what)).toEqual([
      "frame 1 0",
      "frame 7 0",
      "frame 2 1",
      "data 1",
      "data 3",
      "frame 6 1",
      "frame 4 1",
      "frame 10 0",
      "frame 5 3",
      "frame 9 0",
    ]);
  });

  test("gives out the same for input that is cut at any one byte", () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const log = new Log();
      const decoder = new Decoder(log);
      decoder.feed(bytes.subarray(0, cut));
      decoder.feed(bytes.subarray(cut));
      expect(log.entries).toEqual(whole.entries);
    }
  });

  test("gives out the same for input that comes byte by byte", () => {
    const log = new Log();
    const decoder = new Decoder(log);
    for (let i = 0; i < bytes.length; i++) decoder.feed(bytes.subarray(i, i + 1));
    expect(log.entries).toEqual(whole.entries);
  });

  test("does not copy DATA: pieces lie in the chunk that was fed", () => {
    const output = new Output();
    output.data(1, new Uint8Array(1000), 0, 1000);
    const chunk = taken(output);
    const buffers: ArrayBufferLike[] = [];
    const log = new Log();
    log.onDataFrame = (_id, piece) => void buffers.push(piece.buffer);
    new Decoder(log).feed(chunk);
    expect(buffers).toEqual([chunk.buffer]);
  });

  const malformed: [string, ProtocolErrorKind, number[]][] = [
    ["type 0", "unknownType", [0, 0, 0, 0, 1, 0, 0, 0]],
    ["type 11", "unknownType", [0, 0, 0, 11, 1, 0, 0, 0]],
    ["type 255", "unknownType", [0, 0, 0, 255, 0, 0, 0, 0]],
    ["DATA of 64 KiB and one byte", "oversize", [1, 0, 1, FRAME.DATA, 1, 0, 0, 0]],
    ["DATA of 16 MiB", "oversize", [255, 255, 255, FRAME.DATA, 1, 0, 0, 0]],
    ["DATA of nothing", "badLength", [0, 0, 0, FRAME.DATA, 1, 0, 0, 0]],
    ["DATA on stream 0", "badStream", [1, 0, 0, FRAME.DATA, 0, 0, 0, 0]],
    ["OPEN that is too long", "badLength", [1, 16, 0, FRAME.OPEN, 1, 0, 0, 0]],
    ["OPEN that is too short", "badLength", [8, 0, 0, FRAME.OPEN, 1, 0, 0, 0]],
    ["FIN with a payload", "badLength", [1, 0, 0, FRAME.FIN, 1, 0, 0, 0]],
    ["FIN on stream 0", "badStream", [0, 0, 0, FRAME.FIN, 0, 0, 0, 0]],
    ["RESET without a code", "badLength", [0, 0, 0, FRAME.RESET, 1, 0, 0, 0]],
    ["RESET with a novel", "badLength", [2, 2, 0, FRAME.RESET, 1, 0, 0, 0]],
    ["WINDOW of 3 bytes", "badLength", [3, 0, 0, FRAME.WINDOW, 1, 0, 0, 0]],
    ["WINDOW on stream 0", "badStream", [4, 0, 0, FRAME.WINDOW, 0, 0, 0, 0]],
    ["PING of 7 bytes", "badLength", [7, 0, 0, FRAME.PING, 0, 0, 0, 0]],
    ["PING on a stream", "badStream", [8, 0, 0, FRAME.PING, 1, 0, 0, 0]],
    ["PONG of 9 bytes", "badLength", [9, 0, 0, FRAME.PONG, 0, 0, 0, 0]],
    ["GOAWAY without a kind", "badLength", [0, 0, 0, FRAME.GOAWAY, 0, 0, 0, 0]],
    ["HELLO that is too long", "badLength", [1, 16, 0, FRAME.HELLO, 0, 0, 0, 0]],
    ["HELLO on a stream", "badStream", [2, 0, 0, FRAME.HELLO, 1, 0, 0, 0]],
    ["CONTROL without a sequence", "badLength", [4, 0, 0, FRAME.CONTROL, 0, 0, 0, 0]],
  ];

  test.each(malformed)("refuses %s as %s before its payload comes", (_name, kind, header) => {
    const log = new Log();
    const decoder = new Decoder(log);
    decoder.feed(Uint8Array.from(header));
    expect(log.malformed).toBe(kind);
    decoder.feed(bytes);
    expect(log.entries).toEqual([]);
  });
});

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readCorpus } from "#http/hpack/testing/corpus.ts";
import { FLAG, FRAME, H2_ERROR, PREFACE } from "./constants.ts";
import { FrameDecoder } from "./decode.ts";
import { readU31, readU32 } from "./frame.ts";
import { request } from "./testing/fields.ts";
import { frame, RawPeer } from "./testing/raw-peer.ts";

interface Seen {
  type: number;
  flags: number;
  id: number;
  length: number;
  payload: number[];
}

/** Decodes with the given cuts; DATA pieces are put together again. */
function decode(bytes: Uint8Array, cuts: readonly number[] = []): { frames: Seen[]; badPadding: boolean } {
  const frames: Seen[] = [];
  let badPadding = false;
  let data: number[] = [];
  const decoder = new FrameDecoder({
    onFrameHeader: () => true,
    onFrame: ({ type, flags, streamId, length }, all, from, to) =>
      void frames.push({ type, flags, id: streamId, length, payload: [...all.subarray(from, to)] }),
    onDataPiece: ({ type, flags, streamId, length }, piece, last) => {
      if (!last) expect(piece.length).toBeGreaterThan(0);
      data.push(...piece);
      if (!last) return;
      frames.push({ type, flags, id: streamId, length, payload: data });
      data = [];
    },
    onBadPadding: () => {
      badPadding = true;
    },
  });
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    decoder.feed(bytes.subarray(from, cut));
    from = cut;
  }
  return { frames, badPadding };
}

const anyFrame = fc
  .record({
    type: fc.nat(12),
    flags: fc.constantFrom(0, FLAG.END_STREAM, FLAG.END_HEADERS, FLAG.END_STREAM | FLAG.END_HEADERS),
    id: fc.integer({ min: 0, max: 0x7fff_ffff }),
    payload: fc.uint8Array({ maxLength: 40 }),
    padding: fc.option(fc.nat(20)),
  })
  .map(({ padding, ...given }) => ({ ...given, padding: given.type === FRAME.DATA ? padding : null }));

function padded(length: number, padding: number): Uint8Array {
  return frame(FRAME.DATA, { id: 1, flags: FLAG.PADDED, payload: [padding, ...new Uint8Array(length - 1)] });
}

describe("frame decoder", () => {
  test("finds the same frames however the input is cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(200)), (frames, cuts) => {
        const bytes = Buffer.concat(
          frames.map(({ type, flags, id, payload, padding }) =>
            padding === null
              ? frame(type, { flags, id, payload })
              : frame(type, {
                  flags: flags | FLAG.PADDED,
                  id,
                  payload: [padding, ...payload, ...new Uint8Array(padding)],
                }),
          ),
        );
        const seen = decode(
          bytes,
          cuts.map((cut) => cut % (bytes.length + 1)),
        ).frames;
        expect(seen.map(({ type, id, payload }) => ({ type, id, payload }))).toEqual(
          frames.map(({ type, id, payload }) => ({ type, id, payload: [...payload] })),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("a payload of DATA that arrives whole is the chunk's own memory", () => {
    const bytes = Buffer.concat([
      frame(FRAME.DATA, { id: 1, payload: [1, 2, 3] }),
      frame(FRAME.DATA, { id: 1, payload: [4] }),
    ]);
    const pieces: Uint8Array[] = [];
    const decoder = new FrameDecoder({
      onFrameHeader: () => true,
      onFrame() {},
      onDataPiece: (_, piece) => void pieces.push(piece),
      onBadPadding() {},
    });
    decoder.feed(bytes);
    expect(pieces.map((piece) => [...piece])).toEqual([[1, 2, 3], [4]]);
    for (const piece of pieces) expect(piece.buffer).toBe(bytes.buffer);
  });

  test("padding as long as the frame is an error, one less is none", () => {
    expect(decode(padded(5, 5)).badPadding).toBeTrue();
    expect(decode(padded(5, 4))).toEqual({
      badPadding: false,
      frames: [{ type: 0, flags: FLAG.PADDED, id: 1, length: 5, payload: [] }],
    });
    expect(decode(frame(FRAME.DATA, { id: 1, flags: FLAG.PADDED })).badPadding).toBeTrue();
  });

  test("what is not wanted is skipped, however it is cut", () => {
    const bytes = Buffer.concat([
      frame(FRAME.DATA, { id: 1, flags: FLAG.PADDED, payload: [9, 1, 2] }),
      frame(0xbb, { payload: new Uint8Array(30) }),
      frame(FRAME.PING, { payload: new Uint8Array(8) }),
    ]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const types: number[] = [];
      const decoder = new FrameDecoder({
        onFrameHeader: ({ type }) => type === FRAME.PING,
        onFrame: ({ type }) => void types.push(type),
        onDataPiece: () => void types.push(-1),
        onBadPadding: () => void types.push(-2),
      });
      decoder.feed(bytes.subarray(0, cut));
      decoder.feed(bytes.subarray(cut));
      expect(types).toEqual([FRAME.PING]);
    }
  });
});

interface Vector {
  error: number[] | null;
  wire: string;
  frame: null | {
    length: number;
    type: number;
    flags: number;
    stream_identifier: number;
    frame_payload: Record<string, unknown>;
  };
  description: string;
}

/** Vectors that are treated in another way on purpose. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "error/window_update-frame-increment.json":
    "stream 1 is idle in the vector; that ends the connection with the same code before the increment is looked at",
};

const vectors = readCorpus("http2-frames");
describe.skipIf(vectors === undefined)("corpus http2-frames", () => {
  for (const { name, content } of vectors ?? []) {
    const vector = content as Vector;
    const wire = Uint8Array.fromHex(vector.wire);
    if (vector.frame !== null) {
      const expected = vector.frame;
      test(`${name} is read: ${vector.description}`, () => {
        const [seen, ...more] = decode(wire).frames;
        expect(more).toEqual([]);
        expect(seen).toMatchObject({
          type: expected.type,
          flags: expected.flags,
          id: expected.stream_identifier,
          length: expected.length,
        });
        const payload = Uint8Array.from(seen?.payload ?? []);
        const meaning = expected.frame_payload;
        if (expected.type === FRAME.DATA) {
          expect(Buffer.from(payload).toString()).toBe(String(meaning["data"]));
        } else if (expected.type === FRAME.RST_STREAM) {
          expect(readU32(payload, 0)).toBe(Number(meaning["error_code"]));
        } else if (expected.type === FRAME.GOAWAY) {
          expect(readU31(payload, 0)).toBe(Number(meaning["last_stream_id"]));
          expect(readU32(payload, 4)).toBe(Number(meaning["error_code"]));
        } else if (expected.type === FRAME.WINDOW_UPDATE) {
          expect(readU31(payload, 0)).toBe(Number(meaning["window_size_increment"]));
        }
      });
    } else {
      for (const role of ["server", "client"] as const) {
        test(`${name} ends the connection of a ${role}: ${vector.description}`, () => {
          const peer = new RawPeer(role).greet();
          // The vectors know nothing of states: the stream they speak of is open.
          if (role === "server" && DIFFERENCES[name] === undefined) {
            peer.headers(1, request("POST"), { end: false });
            peer.take();
          }
          peer.send(wire);
          expect(vector.error).toContain(peer.closed?.code ?? -1);
          expect(peer.session.closed).toBeTrue();
        });
      }
    }
  }
});

test("a server waits for the preface, however it is cut, and refuses another", () => {
  const peer = new RawPeer("server");
  for (const octet of PREFACE) peer.send(Uint8Array.of(octet));
  expect(peer.closed).toBeUndefined();
  peer.send(frame(FRAME.SETTINGS));
  expect(peer.took()).toEqual(["SETTINGS", "WINDOW_UPDATE 0 4128769", "SETTINGS ack"]);

  const other = new RawPeer("server").send(new TextEncoder().encode("PRI * HTTP/1.1\r\n"));
  expect(other.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
});

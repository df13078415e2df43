import { describe, expect, test } from "bun:test";
import { encodeBlock } from "#http/hpack/testing/block.ts";
import { FLAG, FRAME, H2_ERROR } from "./constants.ts";
import type { H2CounterName } from "./counters.ts";
import { fields, request, response } from "./testing/fields.ts";
import { frame, RawPeer, settings, u32 } from "./testing/raw-peer.ts";
import { Recorder } from "./testing/recorder.ts";

/** Each round is what a hostile peer sends again and again. */
const FLOODS: [string, H2CounterName, (peer: RawPeer, round: number) => void][] = [
  [
    "requests that are reset at once (rapid reset)",
    "rapidReset",
    (peer, round) => {
      const id = 1 + round * 2;
      peer.headers(id, request()).send(frame(FRAME.RST_STREAM, { id, payload: u32(8) }));
    },
  ],
  [
    "streams that a WINDOW_UPDATE of 0 makes the server reset",
    "provokedReset",
    (peer, round) => {
      const id = 1 + round * 2;
      peer.headers(id, request()).send(frame(FRAME.WINDOW_UPDATE, { id, payload: u32(0) }));
    },
  ],
  [
    "streams that a window past 2^31-1 makes the server reset",
    "provokedReset",
    (peer, round) => {
      const id = 1 + round * 2;
      peer.headers(id, request()).send(frame(FRAME.WINDOW_UPDATE, { id, payload: u32(0x7fff_ffff) }));
    },
  ],
  [
    "streams with data after their end",
    "provokedReset",
    (peer, round) => void peer.headers(1 + round * 2, request()).data(1 + round * 2, [1]),
  ],
  [
    "requests that are malformed",
    "provokedReset",
    (peer, round) => void peer.headers(1 + round * 2, fields(["x-a", "1"])),
  ],
  ["SETTINGS", "settingsFlood", (peer) => void peer.send(frame(FRAME.SETTINGS))],
  [
    "acknowledgements of SETTINGS",
    "settingsFlood",
    (peer) => void peer.send(frame(FRAME.SETTINGS, { flags: FLAG.ACK })),
  ],
  ["GOAWAY", "settingsFlood", (peer) => void peer.send(frame(FRAME.GOAWAY, { payload: u32(0, 0) }))],
  ["PING", "pingFlood", (peer) => void peer.send(frame(FRAME.PING, { payload: u32(1, 2) }))],
  [
    "answers to PINGs that were never sent",
    "pingFlood",
    (peer) => void peer.send(frame(FRAME.PING, { flags: FLAG.ACK, payload: u32(1, 2) })),
  ],
  ["empty DATA", "emptyDataFlood", (peer) => void peer.data(1, [])],
  [
    "DATA of nothing but padding",
    "emptyDataFlood",
    (peer) => void peer.send(frame(FRAME.DATA, { id: 1, flags: FLAG.PADDED, payload: [3, 0, 0, 0] })),
  ],
  [
    "WINDOW_UPDATE",
    "windowUpdateFlood",
    (peer) => void peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(1) })),
  ],
  [
    "WINDOW_UPDATE for the connection",
    "windowUpdateFlood",
    (peer) => void peer.send(frame(FRAME.WINDOW_UPDATE, { payload: u32(1) })),
  ],
  [
    "PRIORITY",
    "priorityFlood",
    (peer) => void peer.send(frame(FRAME.PRIORITY, { id: 1, payload: new Uint8Array(5) })),
  ],
  [
    "unknown frames",
    "unknownFrameFlood",
    (peer) => void peer.send(frame(0xaa, { payload: new Uint8Array(5) })),
  ],
  [
    "requests past MAX_CONCURRENT_STREAMS",
    "refusedStreamFlood",
    (peer, round) => void peer.headers(1 + round * 2, request("POST"), { end: false }),
  ],
  [
    "frames for a stream that was reset",
    "closedStreamFlood",
    (peer, round) => {
      if (round === 0) peer.headers(1001, request("POST"), { end: false });
      peer.accepted.at(-1)!.stream!.reset(H2_ERROR.CANCEL);
      peer.data(1001, [1]);
    },
  ],
];

const NEEDS_STREAM: ReadonlySet<H2CounterName> = new Set([
  "emptyDataFlood",
  "windowUpdateFlood",
  "settingsFlood",
]);

describe("floods", () => {
  test.each(FLOODS)("of %s end the connection, and raise %p", (_, counter, attack) => {
    const peer = new RawPeer("server").greet();
    if (NEEDS_STREAM.has(counter)) peer.headers(1, request("POST"), { end: false });
    let rounds = 0;
    for (; rounds < 5000 && peer.closed === undefined; rounds++) {
      attack(peer, rounds);
      peer.take();
    }
    expect(peer.closed?.code).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    expect(peer.counters[counter]).toBe(1);
    expect(rounds).toBeGreaterThan(50);
    expect(peer.session.streams).toBe(0);
  });

  test.each(FLOODS)("at a walking pace, %s go on for ever", (_, counter, attack) => {
    const peer = new RawPeer("server").greet();
    if (NEEDS_STREAM.has(counter)) peer.headers(1, request("POST"), { end: false });
    for (let round = 0; round < 3000 && peer.closed === undefined; round++) {
      attack(peer, round);
      peer.take();
      peer.clock.advance(250);
    }
    expect(peer.closed).toBeUndefined();
  });

  test("of CONTINUATION end the connection, by frames and by bytes", () => {
    for (const size of [0, 16_384]) {
      const peer = new RawPeer("server").greet();
      peer.send(frame(FRAME.HEADERS, { id: 1, payload: [0x82] }));
      let rounds = 0;
      const payload = new Uint8Array(size);
      while (peer.closed === undefined && rounds++ < 100) {
        peer.send(frame(FRAME.CONTINUATION, { id: 1, payload }));
      }
      expect([peer.closed?.code, peer.counted()]).toEqual([11, { continuationFlood: 1 }]);
      expect(rounds).toBeLessThanOrEqual(17);
    }
  });

  test("a header block that stays open ends the connection in time", () => {
    const peer = new RawPeer("server", { handshakeMs: 1000 }).greet();
    peer.send(frame(FRAME.HEADERS, { id: 1, payload: [0x82] }));
    peer.clock.advance(1000);
    peer.session.tick(peer.clock.monotonicMs());
    expect(peer.counted()).toEqual({ continuationFlood: 1 });
  });

  test.each([
    ["another frame", frame(FRAME.PING, { payload: u32(0, 0) })],
    ["an unknown frame", frame(0xaa)],
    ["DATA", frame(FRAME.DATA, { id: 1, payload: [1] })],
    ["HEADERS", frame(FRAME.HEADERS, { id: 3, flags: FLAG.END_HEADERS, payload: [0x82] })],
    ["CONTINUATION of another stream", frame(FRAME.CONTINUATION, { id: 3 })],
  ])("%s inside a header block is an error", (_, bytes) => {
    const peer = new RawPeer("server").greet();
    peer.send(frame(FRAME.HEADERS, { id: 1, payload: [0x82] }), bytes);
    expect(peer.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
  });

  test("CONTINUATION without a header block is an error", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request()).send(frame(FRAME.CONTINUATION, { id: 1, flags: FLAG.END_HEADERS }));
    expect(peer.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
  });

  test("a small block that names a large entry again and again is a bomb", () => {
    const peer = new RawPeer("server").greet();
    const block = encodeBlock(peer.encoder, [{ name: "x-a", value: "v".repeat(900), sensitive: false }]);
    const payload = new Uint8Array(16_000).fill(0xbe);
    payload.set(block);
    peer.send(frame(FRAME.HEADERS, { id: 1, flags: FLAG.END_HEADERS | FLAG.END_STREAM, payload }));
    expect([peer.closed?.code, peer.counted()]).toEqual([11, { headerListBomb: 1 }]);
  });

  test("a peer that makes this end write and reads nothing is let go", () => {
    const peer = new RawPeer("server", { maxOutputBytes: 2000 }).greet();
    peer.session.transportBlocked(true);
    for (let i = 0; i < 200; i++) peer.send(frame(FRAME.PING, { payload: u32(1, 2) }));
    peer.take();
    expect([peer.closed?.code, peer.counted()]).toEqual([11, { notReading: 1 }]);
  });

  test("past what may be held for a peer, the stream that holds most is reset", () => {
    const peer = new RawPeer("server", { maxHeldBytes: 100_000 }).greet(settings([4, 0]));
    peer.headers(1, request()).headers(3, request());
    const [one, two] = peer.accepted;
    one!.stream!.headers(response(), false);
    two!.stream!.headers(response(), false);
    one!.stream!.data(new Uint8Array(70_000), false);
    two!.stream!.data(new Uint8Array(40_000), false);
    expect(one!.reset).toBeUndefined();
    peer.take();
    expect([one!.reset?.code, two!.reset, peer.session.heldBytes]).toEqual([11, undefined, 40_000]);
    expect(peer.counted()).toEqual({ stalled: 1 });
  });
});

describe("legitimate loads", () => {
  test("of many short requests, half of them cancelled, pass", () => {
    const peer = new RawPeer("server").greet();
    for (let id = 1; id < 40_000; id += 2) {
      peer.answering = id % 4 === 1;
      peer.headers(id, request());
      if (!peer.answering) peer.send(frame(FRAME.RST_STREAM, { id, payload: u32(8) }));
      if (id % 100 === 1) peer.take();
      peer.accepted.length = 0;
    }
    expect([peer.closed, peer.counted()]).toEqual([undefined, {}]);
  });

  test("of an upload in small pieces, each with a PING that measures its way, pass", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request("POST"), { end: false });
    for (let i = 0; i < 10_000; i++) {
      peer.data(1, new Uint8Array(100)).send(frame(FRAME.PING, { payload: u32(0, i) }));
      if (i % 100 === 0) peer.take();
    }
    expect([peer.closed, peer.accepted[0]?.bytes]).toEqual([undefined, 1_000_000]);
  });

  test("of a download whose reader gives window for each piece pass", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request());
    const { stream } = peer.accepted[0]!;
    stream!.headers(response(), false);
    for (let i = 0; i < 10_000; i++) {
      stream!.data(new Uint8Array(100), false);
      peer.take();
      peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(100) }));
      peer.send(frame(FRAME.WINDOW_UPDATE, { payload: u32(100) }));
    }
    expect(peer.closed).toBeUndefined();
  });

  test("of an upstream whose streams are reset again and again do not end it", () => {
    const peer = new RawPeer("client").greet();
    for (let i = 0; i < 5000; i++) {
      const id = 1 + i * 2;
      const recorder = new Recorder();
      peer.session.request(request(), true, recorder);
      peer.send(frame(FRAME.RST_STREAM, { id, payload: u32(i % 2 === 0 ? 7 : 2) }));
      expect(recorder.reset).toBeDefined();
      if (i % 100 === 0) peer.take();
    }
    expect(peer.closed).toBeUndefined();
  });
});

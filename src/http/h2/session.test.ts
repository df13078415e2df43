import { describe, expect, test } from "bun:test";
import { HpackEncoder } from "#http/hpack/encoder.ts";
import { field } from "#http/hpack/field.ts";
import { encodeBlock } from "#http/hpack/testing/block.ts";
import { FLAG, FRAME, H2_ERROR, SETTING } from "./constants.ts";
import { fields, request, response } from "./testing/fields.ts";
import { frame, RawPeer, settings, u32 } from "./testing/raw-peer.ts";
import { Recorder } from "./testing/recorder.ts";
import { SessionPair } from "./testing/session-pair.ts";

/** A client and a server that are through with SETTINGS, and the streams of one request. */
function exchange(list = request("POST"), endStream = false) {
  const pair = new SessionPair();
  pair.settle();
  const server = new Recorder();
  pair.onRequest = (stream, headers, end) => {
    server.stream = stream;
    server.headers.push(headers);
    server.ended = end;
    stream.handler = server;
  };
  const client = new Recorder();
  client.stream = pair.client.session.request(list, endStream, client);
  pair.settle();
  return { pair, client, server };
}

describe("exchange", () => {
  test("request, informational response, response, data and trailers arrive as they were sent", () => {
    const { pair, client, server } = exchange();
    expect(server.headers).toEqual([
      [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/"],
        [":authority", "a.test"],
      ],
    ]);
    client.stream!.data(Buffer.from("question"), true);
    pair.settle();
    expect([server.text(), server.ended]).toEqual(["question", true]);
    server.stream!.headers(response("103", ["link", "</a>"]), false);
    server.stream!.headers(response("200", ["content-type", "application/grpc"]), false);
    server.stream!.data(Buffer.from("answer"), false);
    server.stream!.headers(fields(["grpc-status", "0"]), true);
    pair.settle();
    expect(client.headers).toEqual([
      [
        [":status", "103"],
        ["link", "</a>"],
      ],
      [
        [":status", "200"],
        ["content-type", "application/grpc"],
      ],
      [["grpc-status", "0"]],
    ]);
    expect([client.text(), client.ended]).toEqual(["answer", true]);
    expect([pair.client.session.streams, pair.server.session.streams]).toEqual([0, 0]);
  });

  test("an answer of trailers only ends the stream", () => {
    const { pair, client, server } = exchange(request("POST"), true);
    server.stream!.headers(response("200", ["grpc-status", "14"]), true);
    pair.settle();
    expect([client.headers.length, client.ended, client.stream!.over]).toEqual([1, true, true]);
  });

  test("both directions stream at the same time, and each ends by itself", () => {
    const { pair, client, server } = exchange();
    server.stream!.headers(response(), false);
    for (let round = 0; round < 5; round++) {
      client.stream!.data(Buffer.from(`ping${round} `), false);
      pair.settle();
      server.stream!.data(Buffer.from(`pong${round} `), false);
      pair.settle();
    }
    server.stream!.data(new Uint8Array(), true);
    pair.settle();
    expect([client.ended, client.stream!.over]).toEqual([true, false]);
    client.stream!.data(Buffer.from("end"), true);
    pair.settle();
    expect(server.text()).toBe("ping0 ping1 ping2 ping3 ping4 end");
    expect(client.text()).toBe("pong0 pong1 pong2 pong3 pong4 ");
    expect(client.stream!.over && server.stream!.over).toBeTrue();
  });

  test("trailers wait for data that waits for a window", () => {
    const { pair, client, server } = exchange(request(), true);
    client.reading = false;
    server.stream!.headers(response(), false);
    expect(server.stream!.data(new Uint8Array(400_000).fill(7), false)).toBeFalse();
    server.stream!.headers(fields(["grpc-status", "0"]), true);
    pair.settle();
    expect([client.bytes, client.ended]).toEqual([256 * 1024, false]);
    client.reading = true;
    client.read();
    pair.settle();
    expect([client.bytes, client.ended, client.headers.length]).toEqual([400_000, true, 2]);
  });

  test("a header list larger than a frame goes out as HEADERS and CONTINUATION", () => {
    const big = "x".repeat(50_000);
    const { pair, client, server } = exchange(request("GET", ["x-big", big]), true);
    expect(server.headers[0]?.at(-1)).toEqual(["x-big", big]);
    server.stream!.headers(response("200", ["x-big", big]), true);
    pair.settle();
    expect(client.headers[0]?.at(-1)).toEqual(["x-big", big]);
  });

  test("all output of one turn leaves in one piece", () => {
    const pair = new SessionPair();
    pair.settle();
    for (let i = 0; i < 10; i++) pair.client.session.request(request(), true, new Recorder());
    expect(pair.client.wire.length).toBe(0);
    pair.endTurn();
    expect(pair.client.wire.length).toBe(1);
  });

  test("a repeated request costs one octet per field", () => {
    const pair = new SessionPair();
    pair.settle();
    const list = request("GET", ["user-agent", "test"], ["x-a", "1"]);
    for (let i = 0; i < 3; i++) {
      pair.client.session.request(list, true, new Recorder());
      pair.endTurn();
    }
    expect(pair.client.wire.at(-1)?.length).toBe(9 + list.length);
  });
});

describe("resets", () => {
  test("CANCEL reaches the other end, in both directions, and what was held is dropped", () => {
    for (const by of ["client", "server"] as const) {
      const { pair, client, server } = exchange();
      const other = by === "client" ? server : client;
      const self = by === "client" ? client : server;
      if (by === "server") server.stream!.headers(response(), false);
      self.stream!.data(new Uint8Array(1_000_000), false);
      self.stream!.reset(H2_ERROR.CANCEL);
      expect([self.stream!.over, self.stream!.heldBytes, pair.end(by).session.heldBytes]).toEqual([
        true,
        0,
        0,
      ]);
      pair.settle();
      expect(other.reset?.code).toBe(H2_ERROR.CANCEL);
      expect(self.reset).toBeUndefined();
      expect([pair.client.session.streams, pair.server.session.streams]).toEqual([0, 0]);
    }
  });

  test("frames that were on their way to a stream that was reset are let pass, and their bytes given back", () => {
    const peer = new RawPeer("server", { connectionWindowBytes: 1024 * 1024 }).greet();
    peer.headers(1, request("POST"), { end: false });
    peer.accepted[0]!.stream!.reset(H2_ERROR.CANCEL);
    peer.take();
    for (let i = 0; i < 100; i++) peer.data(1, new Uint8Array(16_384));
    peer.headers(1, fields(["x-trailer", "1"]));
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(5) }));
    peer.send(frame(FRAME.RST_STREAM, { id: 1, payload: u32(8) }));
    expect(peer.closed).toBeUndefined();
    const given = peer
      .took()
      .map((text) => /^WINDOW_UPDATE 0 (\d+)$/.exec(text)?.[1])
      .reduce((sum, bytes) => sum + Number(bytes), 0);
    expect(given).toBeGreaterThan(100 * 16_384 - 300_000);
    // The table is what the peer thinks it is.
    peer.headers(3, request("GET", ["x-trailer", "1"]));
    expect(peer.accepted[1]?.headers[0]?.at(-1)).toEqual(["x-trailer", "1"]);
  });

  test("a stream that is reset in the middle of a DATA frame gives back the rest of it", () => {
    const peer = new RawPeer("server", { connectionWindowBytes: 1024 * 1024 }).greet();
    peer.headers(1, request("POST"), { end: false });
    const bytes = frame(FRAME.DATA, { id: 1, payload: new Uint8Array(16_000) });
    for (let i = 0; i < 100; i++) {
      const id = 3 + i * 2;
      peer.headers(id, request("POST"), { end: false });
      const data = bytes.slice();
      data[8] = id & 0xff;
      data[7] = id >> 8;
      peer.send(data.subarray(0, 5000));
      peer.accepted.at(-1)!.stream!.reset(H2_ERROR.CANCEL);
      peer.send(data.subarray(5000));
      peer.take();
    }
    expect(peer.closed).toBeUndefined();
  });

  test("data after END_STREAM resets the stream; after both ended it ends the connection", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request());
    peer.data(1, [1]);
    expect(peer.took()).toEqual(["RST_STREAM 1 5"]);
    expect(peer.accepted[0]?.reset?.code).toBe(H2_ERROR.STREAM_CLOSED);
    peer.answering = true;
    peer.headers(3, request());
    peer.data(3, [1]);
    expect(peer.closed?.code).toBe(H2_ERROR.STREAM_CLOSED);
  });

  test("a request whose owner sets no handler is refused", () => {
    const pair = new SessionPair();
    pair.onRequest = () => {};
    const client = new Recorder();
    pair.client.session.request(request(), true, client);
    pair.settle();
    expect(client.reset?.code).toBe(H2_ERROR.REFUSED_STREAM);
  });

  test("after the transport is lost every stream is told, and nothing more is sent", () => {
    const { pair, client } = exchange();
    pair.client.session.lost("gone");
    client.stream!.data(Buffer.from("x"), true);
    client.stream!.reset(H2_ERROR.CANCEL);
    pair.endTurn();
    expect(client.reset).toEqual({ code: H2_ERROR.INTERNAL_ERROR, reason: "gone" });
    expect([pair.client.closed, pair.client.wire.length, pair.client.session.streams]).toEqual([
      "gone",
      0,
      0,
    ]);
    expect(pair.client.session.request(request(), true, new Recorder())).toBeUndefined();
  });
});

/** Bytes of DATA for a stream. */
function sizes(texts: string[], id: number): number {
  return texts
    .filter((text) => text.startsWith(`DATA ${id} `))
    .reduce((sum, text) => sum + Number(text.split(" ").at(-1)), 0);
}

describe("flow control", () => {
  test("a peer that gives no window gets no more, on the stream and on the connection", () => {
    const peer = new RawPeer("server").greet(settings([SETTING.INITIAL_WINDOW_SIZE, 50_000]));
    peer.headers(1, request()).headers(3, request());
    peer.take();
    for (const { stream } of peer.accepted) {
      stream!.headers(response(), false);
      expect(stream!.data(new Uint8Array(60_000), true)).toBeFalse();
    }
    const first = peer.took();
    expect([sizes(first, 1), sizes(first, 3)]).toEqual([50_000, 15_535]);
    peer.send(frame(FRAME.WINDOW_UPDATE, { payload: u32(100_000) }));
    expect(sizes(peer.took(), 3)).toBe(34_465);
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(9_999) }));
    expect(peer.took()).toEqual(["DATA 1 9999"]);
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(100) }));
    expect(peer.took()).toEqual(["DATA 1 end 1"]);
  });

  test("a smaller initial window makes windows negative; they recover", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request());
    const { stream } = peer.accepted[0]!;
    stream!.headers(response(), false);
    expect(stream!.data(new Uint8Array(30_000), false)).toBeTrue();
    peer.take();
    peer.send(frame(FRAME.SETTINGS, { payload: settings([SETTING.INITIAL_WINDOW_SIZE, 10_000]) }));
    stream!.data(Buffer.from("abc"), true);
    expect(peer.took()).toEqual(["SETTINGS ack"]);
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(20_000) }));
    expect(peer.took()).toEqual([]);
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(3) }));
    expect(peer.took()).toEqual(["DATA 1 end 3"]);
  });

  test("streams take turns where the connection's window is short", () => {
    const peer = new RawPeer("server").greet();
    for (let i = 0; i < 4; i++) peer.headers(1 + i * 2, request());
    peer.take();
    for (const { stream } of peer.accepted) {
      stream!.headers(response(), false);
      stream!.data(new Uint8Array(60_000), true);
    }
    peer.take();
    peer.send(frame(FRAME.WINDOW_UPDATE, { payload: u32(16_384 * 6) }));
    const order = peer.took().map((text) => text.split(" ")[1]);
    expect(order).toEqual(["3", "5", "7", "3", "5", "7"]);
  });

  test("headers are never held by flow control nor by a transport that is full", () => {
    const peer = new RawPeer("server").greet(settings([SETTING.INITIAL_WINDOW_SIZE, 0]));
    peer.headers(1, request()).headers(3, request());
    const [one, two] = peer.accepted;
    one!.stream!.headers(response(), false);
    expect(one!.stream!.data(Buffer.from("x"), true)).toBeFalse();
    two!.stream!.headers(response("204"), true);
    expect(peer.took().slice(-2)).toEqual(["HEADERS 1 :status=200", "HEADERS 3 end :status=204"]);
  });

  test("while the transport is full data is held; then the writer is told", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request());
    const recorder = peer.accepted[0]!;
    recorder.ended = false;
    const { stream } = recorder;
    stream!.headers(response(), false);
    peer.take();
    peer.session.transportBlocked(true);
    expect(stream!.data(Buffer.from("abc"), false)).toBeFalse();
    expect(stream!.data(Buffer.from("def"), false)).toBeFalse();
    expect([peer.took(), stream!.heldBytes]).toEqual([[], 6]);
    peer.session.transportBlocked(false);
    expect(peer.took()).toEqual(["DATA 1 6"]);
    expect(recorder.writable).toBe(1);
  });

  test("data past a window is an error of the stream, past the connection's of the connection", () => {
    const peer = new RawPeer("server", { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 }).greet();
    peer.headers(1, request("POST"), { end: false }).headers(3, request("POST"), { end: false });
    for (const recorder of peer.accepted) recorder.reading = false;
    peer.take();
    for (let i = 0; i < 5; i++) peer.data(1, new Uint8Array(16_384));
    expect(peer.took()).toContain("RST_STREAM 1 3");
    expect(peer.accepted[0]?.reset?.code).toBe(H2_ERROR.FLOW_CONTROL_ERROR);
    expect(peer.counted()).toEqual({ streamFlowControl: 1 });
    peer.headers(5, request("POST"), { end: false });
    peer.accepted[2]!.reading = false;
    for (let i = 0; i < 8 && !peer.session.closed; i++)
      peer.data(i % 2 === 0 ? 3 : 5, new Uint8Array(16_384));
    expect(peer.closed?.code).toBe(H2_ERROR.FLOW_CONTROL_ERROR);
  });

  test("a window grows while its reader is fast, up to its bound, and not for a slow one", () => {
    for (const [everyMs, windowBytes] of [
      [10, 1024 * 1024],
      [1000, 256 * 1024],
    ] as const) {
      const peer = new RawPeer("client").greet();
      const recorder = new Recorder();
      recorder.stream = peer.session.request(request(), true, recorder);
      peer.headers(1, response(), { end: false });
      peer.take();
      let window = 256 * 1024;
      for (let i = 0; i < 300; i++) {
        peer.data(1, new Uint8Array(16_384));
        window -= 16_384;
        if (i % 16 === 15) peer.clock.advance(everyMs);
        for (const text of peer.took()) window += Number(/^WINDOW_UPDATE 1 (\d+)$/.exec(text)?.[1] ?? 0);
      }
      expect(window).toBeLessThanOrEqual(windowBytes);
      expect(window).toBeGreaterThan((windowBytes * 3) / 4 - 16_384);
    }
  });

  test("padding is consumed by itself", () => {
    const peer = new RawPeer("server", { streamWindowBytes: 65_535 }).greet();
    peer.headers(1, request("POST"), { end: false });
    for (let i = 0; i < 1000; i++) {
      const payload = [255, i & 0xff, ...new Uint8Array(255)];
      peer.send(frame(FRAME.DATA, { id: 1, flags: FLAG.PADDED, payload }));
      peer.take();
    }
    expect(peer.closed).toBeUndefined();
    expect(peer.accepted[0]).toMatchObject({ bytes: 1000, unconsumed: 0 });
  });

  test("many tiny pieces that wait cost about their bytes", () => {
    const peer = new RawPeer("server").greet(settings([SETTING.INITIAL_WINDOW_SIZE, 0]));
    peer.headers(1, request());
    const { stream } = peer.accepted[0]!;
    stream!.headers(response(), false);
    const source = new Uint8Array(100_000).map((_, i) => i);
    for (let i = 0; i < source.length; i++) stream!.data(source.subarray(i, i + 1), i === source.length - 1);
    peer.take();
    peer.send(frame(FRAME.WINDOW_UPDATE, { payload: u32(200_000) }));
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(100_000) }));
    const sent = peer.take();
    expect(sent.length).toBe(7);
    expect(Buffer.concat(sent.map(({ payload }) => payload)).equals(source)).toBeTrue();
  });
});

describe("leaving", () => {
  test("a server that leaves takes what was on its way, and closes when the last stream ends", () => {
    const pair = new SessionPair();
    pair.settle();
    const taken: Recorder[] = [];
    pair.onRequest = (stream) => {
      const recorder = new Recorder();
      recorder.stream = stream;
      stream.handler = recorder;
      taken.push(recorder);
    };
    const [early, late] = [new Recorder(), new Recorder()];
    pair.client.session.request(request(), true, early);
    pair.settle();
    pair.server.session.goAway();
    pair.endTurn();
    // It crosses the first GOAWAY.
    pair.client.session.request(request(), true, late);
    pair.settle();
    expect([taken.length, late.reset, pair.client.goAways]).toEqual([2, undefined, 2]);
    expect(pair.client.session.request(request(), true, new Recorder())).toBeUndefined();
    taken[0]!.stream!.headers(response(), true);
    pair.settle();
    expect([early.ended, pair.server.closed]).toEqual([true, undefined]);
    taken[1]!.stream!.headers(response(), true);
    pair.settle();
    expect([late.ended, pair.server.closed, pair.client.closed]).toEqual([
      true,
      "Done",
      "The peer goes away",
    ]);
  });

  test("streams above the last id are reset as not processed", () => {
    const peer = new RawPeer("client").greet();
    const recorders = [new Recorder(), new Recorder(), new Recorder()];
    for (const recorder of recorders) peer.session.request(request(), true, recorder);
    peer.send(frame(FRAME.GOAWAY, { payload: u32(3, 0) }));
    expect(recorders.map(({ reset }) => reset?.code)).toEqual([
      undefined,
      undefined,
      H2_ERROR.REFUSED_STREAM,
    ]);
    expect([peer.goAways, peer.session.canOpen]).toEqual([[{ lastId: 3, code: 0 }], false]);
    peer.headers(1, response()).headers(3, response());
    peer.take();
    expect(peer.closed?.code).toBe(H2_ERROR.NO_ERROR);
    expect(recorders.map(({ ended }) => ended)).toEqual([true, true, false]);
  });

  test("a request after the final GOAWAY is not taken, and its data is let pass", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request("POST"), { end: false });
    peer.session.goAway(H2_ERROR.INTERNAL_ERROR);
    peer.headers(3, request("POST"), { end: false });
    peer.data(3, new Uint8Array(100), { end: true });
    expect(peer.took()).toEqual(["GOAWAY 1 2"]);
    expect([peer.accepted.length, peer.closed]).toEqual([1, undefined]);
    peer.accepted[0]!.stream!.headers(response(), true);
    peer.data(1, [], { end: true });
    expect(peer.took()).toEqual(["HEADERS 1 end :status=200"]);
    expect(peer.closed?.code).toBe(H2_ERROR.NO_ERROR);
  });

  test("a peer that never answers the ping of a server that leaves does not hold it", () => {
    const peer = new RawPeer("server", { pingTimeoutMs: 1000 }).greet();
    peer.session.goAway();
    expect(peer.took()).toEqual(["GOAWAY 2147483647 0", "PING 0000000000000001"]);
    peer.clock.advance(1001);
    peer.session.tick(peer.clock.monotonicMs());
    expect(peer.closed).toEqual({ reason: "Done", code: 0 });
    expect(peer.took()).toEqual(["GOAWAY 0 0"]);
  });
});

describe("client", () => {
  test("opens no more streams than the server allows, and knows when there is room", () => {
    const peer = new RawPeer("client").greet(settings([SETTING.MAX_CONCURRENT_STREAMS, 2]));
    const open = (): boolean => peer.session.request(request(), true, new Recorder()) !== undefined;
    expect([open(), open(), open(), peer.session.canOpen]).toEqual([true, true, false, false]);
    peer.headers(1, response());
    expect([peer.session.canOpen, open(), open()]).toEqual([true, true, false]);
  });

  test("refuses push, in SETTINGS and as a frame", () => {
    const peer = new RawPeer("client").greet();
    peer.send(frame(FRAME.PUSH_PROMISE, { id: 1, flags: FLAG.END_HEADERS, payload: u32(2) }));
    expect(peer.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
    const other = new RawPeer("client").greet(settings([SETTING.ENABLE_PUSH, 1]));
    expect(other.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
  });

  test("takes REFUSED_STREAM and says so", () => {
    const peer = new RawPeer("client").greet();
    const recorder = new Recorder();
    peer.session.request(request(), true, recorder);
    peer.send(frame(FRAME.RST_STREAM, { id: 1, payload: u32(H2_ERROR.REFUSED_STREAM) }));
    expect(recorder.reset?.code).toBe(H2_ERROR.REFUSED_STREAM);
  });

  test("a response to HEAD, and 304, may have a content-length without data", () => {
    const peer = new RawPeer("client").greet();
    const [head, cached] = [new Recorder(), new Recorder()];
    peer.session.request(request("HEAD"), true, head);
    peer.session.request(request("GET"), true, cached);
    peer.headers(1, response("200", ["content-length", "100"]));
    peer.headers(3, response("304", ["content-length", "100"]));
    expect([head.ended, cached.ended]).toEqual([true, true]);
  });
});

describe("settings", () => {
  test.each([
    ["ENABLE_PUSH 2", SETTING.ENABLE_PUSH, 2, H2_ERROR.PROTOCOL_ERROR],
    ["a window of 2^31", SETTING.INITIAL_WINDOW_SIZE, 2 ** 31, H2_ERROR.FLOW_CONTROL_ERROR],
    ["a frame size below 16384", SETTING.MAX_FRAME_SIZE, 16_383, H2_ERROR.PROTOCOL_ERROR],
    ["a frame size of 2^24", SETTING.MAX_FRAME_SIZE, 2 ** 24, H2_ERROR.PROTOCOL_ERROR],
  ])("%s ends the connection", (_, id, value, code) => {
    expect(new RawPeer("server").greet(settings([id, value])).closed?.code).toBe(code);
  });

  test("unknown settings are ignored, and each SETTINGS is acknowledged", () => {
    const peer = new RawPeer("server").greet();
    peer.send(frame(FRAME.SETTINGS, { payload: settings([0x99, 5], [SETTING.MAX_FRAME_SIZE, 65_536]) }));
    expect(peer.took()).toEqual(["SETTINGS ack"]);
  });

  test("an encoder uses no more table than the peer has", () => {
    const peer = new RawPeer("server").greet(settings([SETTING.HEADER_TABLE_SIZE, 0]));
    peer.answering = false;
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(0);
    for (const id of [1, 3]) {
      peer.headers(id, request());
      peer.accepted.at(-1)!.stream!.headers(fields([":status", "200"], ["x-a", "1"]), true);
      const [sent] = peer.take();
      const expected = encodeBlock(encoder, [field(":status", "200"), field("x-a", "1")]);
      expect(sent?.payload).toEqual(expected);
    }
  });

  test("SETTINGS that make a stream's window too large end the connection", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, request("POST"), { end: false });
    peer.send(frame(FRAME.WINDOW_UPDATE, { id: 1, payload: u32(0x7fff_ffff - 65_535) }));
    peer.send(frame(FRAME.SETTINGS, { payload: settings([SETTING.INITIAL_WINDOW_SIZE, 65_536]) }));
    expect(peer.closed?.code).toBe(H2_ERROR.FLOW_CONTROL_ERROR);
  });
});

describe("time", () => {
  test("a client that never greets, and one that never acknowledges, are let go", () => {
    const silent = new RawPeer("server", { handshakeMs: 1000 });
    silent.clock.advance(1000);
    silent.session.tick(silent.clock.monotonicMs());
    expect(silent.counted()).toEqual({ handshakeTimeout: 1 });
    const other = new RawPeer("client", { handshakeMs: 1000 }).send(frame(FRAME.SETTINGS));
    other.clock.advance(1000);
    other.session.tick(other.clock.monotonicMs());
    expect([other.closed?.code, other.counted()]).toEqual([
      H2_ERROR.SETTINGS_TIMEOUT,
      { settingsTimeout: 1 },
    ]);
  });

  test("a silent peer is pinged while it has streams, and let go when it does not answer", () => {
    const peer = new RawPeer("client", { pingMs: 1000, pingTimeoutMs: 500 }).greet();
    const tick = (ms: number): string[] => {
      peer.clock.advance(ms);
      peer.session.tick(peer.clock.monotonicMs());
      return peer.took();
    };
    tick(0);
    expect(tick(2000)).toEqual([]);
    const recorder = new Recorder();
    peer.session.request(request(), true, recorder);
    peer.take();
    expect(tick(0)).toEqual(["PING 0000000000000001"]);
    peer.send(frame(FRAME.PING, { flags: FLAG.ACK, payload: u32(0, 1) }));
    expect([tick(600), peer.closed]).toEqual([[], undefined]);
    expect(tick(1000)).toEqual(["PING 0000000000000002"]);
    tick(500);
    expect(peer.counted()).toEqual({ pingTimeout: 1 });
    expect(recorder.reset?.reason).toBe("The peer is silent");
  });

  test("a stream whose data waits too long for a window is reset; one that moves is not", () => {
    const peer = new RawPeer("server", { stalledMs: 5000, pingMs: 1e9 }).greet();
    peer.send(frame(FRAME.SETTINGS, { payload: settings([SETTING.INITIAL_WINDOW_SIZE, 10]) }));
    peer.headers(1, request()).headers(3, request());
    for (const { stream } of peer.accepted) {
      stream!.headers(response(), false);
      stream!.data(new Uint8Array(100), true);
    }
    peer.take();
    for (let second = 0; second < 7; second++) {
      peer.clock.advance(1000);
      peer.send(frame(FRAME.WINDOW_UPDATE, { id: 3, payload: u32(1) }));
      peer.take();
      peer.session.tick(peer.clock.monotonicMs());
    }
    expect(peer.accepted.map(({ reset }) => reset?.code)).toEqual([H2_ERROR.CANCEL, undefined]);
    expect(peer.counted()).toEqual({ stalled: 1 });
  });
});

test("a PING is given back as it came", () => {
  const peer = new RawPeer("server").greet();
  peer.send(frame(FRAME.PING, { payload: [1, 2, 3, 4, 5, 6, 7, 8] }));
  expect(peer.took()).toEqual(["PING ack 0102030405060708"]);
});

test("PRIORITY and unknown frames are ignored, also for streams that are idle or over", () => {
  const peer = new RawPeer("server").greet();
  peer.answering = true;
  peer.headers(1, request());
  peer.take();
  for (const id of [1, 99]) {
    peer.send(frame(FRAME.PRIORITY, { id, payload: new Uint8Array(5) }));
    peer.send(frame(0x42, { id, payload: new Uint8Array(100) }));
  }
  expect([peer.took(), peer.closed]).toEqual([[], undefined]);
  const block = encodeBlock(peer.encoder, request());
  const flags = FLAG.PRIORITY | FLAG.PADDED | FLAG.END_HEADERS | FLAG.END_STREAM;
  peer.send(frame(FRAME.HEADERS, { id: 3, flags, payload: [2, 0, 0, 0, 3, 16, ...block, 0, 0] }));
  expect(peer.took()).toEqual(["HEADERS 3 end :status=200"]);
});

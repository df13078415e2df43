import { describe, expect, test } from "bun:test";
import { H2_ERROR } from "./constants.ts";
import { fields, request, response } from "./testing/fields.ts";
import { RawPeer } from "./testing/raw-peer.ts";
import { Recorder } from "./testing/recorder.ts";

const METHOD: [string, string] = [":method", "GET"];
const SCHEME: [string, string] = [":scheme", "http"];
const PATH: [string, string] = [":path", "/"];
const AUTHORITY: [string, string] = [":authority", "a.test"];

const MALFORMED: [string, [string, string][]][] = [
  ["nothing", []],
  ["no method", [SCHEME, PATH, AUTHORITY]],
  ["no scheme", [METHOD, PATH, AUTHORITY]],
  ["no path", [METHOD, SCHEME, AUTHORITY]],
  ["an empty path", [METHOD, SCHEME, AUTHORITY, [":path", ""]]],
  ["neither :authority nor host", [METHOD, SCHEME, PATH]],
  ["an empty authority", [METHOD, SCHEME, PATH, [":authority", ""]]],
  ["another host", [METHOD, SCHEME, PATH, AUTHORITY, ["host", "b.test"]]],
  ["two hosts", [METHOD, SCHEME, PATH, ["host", "a.test"], ["host", "a.test"]]],
  ["two methods", [METHOD, METHOD, SCHEME, PATH, AUTHORITY]],
  ["two paths", [METHOD, SCHEME, PATH, PATH, AUTHORITY]],
  ["a pseudo header field after another", [METHOD, SCHEME, PATH, ["x-a", "1"], AUTHORITY]],
  ["a pseudo header field after host", [METHOD, SCHEME, ["host", "a.test"], PATH]],
  ["an unknown pseudo header field", [METHOD, SCHEME, PATH, AUTHORITY, [":other", "1"]]],
  [":status", [METHOD, SCHEME, PATH, AUTHORITY, [":status", "200"]]],
  [
    ":protocol, since extended CONNECT is not offered",
    [
      ["CONNECT", ""],
      [":protocol", "websocket"],
    ],
  ],
  ["path * without OPTIONS", [METHOD, SCHEME, AUTHORITY, [":path", "*"]]],
  ["a name in upper case", [METHOD, SCHEME, PATH, AUTHORITY, ["X-A", "1"]]],
  ["connection", [METHOD, SCHEME, PATH, AUTHORITY, ["connection", "close"]]],
  ["transfer-encoding", [METHOD, SCHEME, PATH, AUTHORITY, ["transfer-encoding", "chunked"]]],
  ["te other than trailers", [METHOD, SCHEME, PATH, AUTHORITY, ["te", "trailers, gzip"]]],
  ["CR LF in a value", [METHOD, SCHEME, PATH, AUTHORITY, ["x-a", "1\r\nx-b: 2"]]],
  [
    "two content-lengths",
    [METHOD, SCHEME, PATH, AUTHORITY, ["content-length", "0"], ["content-length", "0"]],
  ],
  ["a content-length without data", [METHOD, SCHEME, PATH, AUTHORITY, ["content-length", "1"]]],
  ["CONNECT with a path", [[":method", "CONNECT"], AUTHORITY, PATH]],
];

describe("requests", () => {
  test.each(MALFORMED)("with %s are malformed", (_, list) => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, fields(...list));
    expect(peer.took()).toEqual([`RST_STREAM 1 ${H2_ERROR.PROTOCOL_ERROR}`]);
    expect([peer.accepted.length, peer.closed, peer.session.streams]).toEqual([0, undefined, 0]);
    expect(peer.counted()).toEqual({ malformed: 1 });
  });

  test.each([
    ["host instead of :authority", [METHOD, SCHEME, PATH, ["host", "a.test"]]],
    ["both, in other case", [METHOD, SCHEME, PATH, AUTHORITY, ["host", "A.TEST"]]],
    ["OPTIONS *", [[":method", "OPTIONS"], SCHEME, [":path", "*"], AUTHORITY]],
    ["te: trailers", [METHOD, SCHEME, PATH, AUTHORITY, ["te", "trailers"]]],
    ["pseudo header fields in any order", [AUTHORITY, PATH, SCHEME, METHOD]],
    ["several cookies", [METHOD, SCHEME, PATH, AUTHORITY, ["cookie", "a=1"], ["cookie", "b=2"]]],
    ["content-length: 0", [METHOD, SCHEME, PATH, AUTHORITY, ["content-length", "0"]]],
  ] as [string, [string, string][]][])("with %s are taken", (_, list) => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, fields(...list));
    expect(peer.accepted[0]?.headers).toEqual([list]);
  });

  test("CONNECT is answered 501", () => {
    const peer = new RawPeer("server").greet();
    peer.headers(1, fields([":method", "CONNECT"], AUTHORITY), { end: false });
    expect(peer.took()).toEqual(["HEADERS 1 end :status=501 content-length=0", "RST_STREAM 1 0"]);
    expect(peer.accepted.length).toBe(0);
  });

  test("a header list that is too large is answered 431, and the connection goes on", () => {
    const peer = new RawPeer("server", { maxHeaderListBytes: 1000 }).greet();
    peer.headers(1, request("GET", ["x-a", "v".repeat(900)]));
    peer.headers(3, request());
    expect(peer.took()).toEqual(["HEADERS 1 end :status=431 content-length=0"]);
    expect([peer.accepted.length, peer.counted()]).toEqual([1, { headerListTooLarge: 1 }]);
  });

  test("data has to be as long as content-length says", () => {
    const post = request("POST", ["content-length", "5"]);
    const peer = new RawPeer("server").greet();
    peer.headers(1, post, { end: false }).data(1, [1, 2]).data(1, [3, 4, 5], { end: true });
    peer.headers(3, post, { end: false }).data(3, [1, 2]).data(3, [3, 4, 5, 6]);
    peer.headers(5, post, { end: false }).data(5, [1, 2], { end: true });
    peer
      .headers(7, post, { end: false })
      .data(7, [1, 2])
      .headers(7, fields(["x-a", "1"]));
    peer.headers(9, post, { end: false }).data(9, [1, 2, 3, 4, 5]).data(9, [], { end: true });
    peer
      .headers(11, post, { end: false })
      .data(11, [1, 2, 3, 4, 5])
      .headers(11, fields(["x-a", "1"]));
    expect(peer.took()).toEqual(["RST_STREAM 3 1", "RST_STREAM 5 1", "RST_STREAM 7 1"]);
    expect(peer.accepted.map(({ ended, reset }) => [ended, reset?.code])).toEqual([
      [true, undefined],
      [false, 1],
      [false, 1],
      [false, 1],
      [true, undefined],
      [true, undefined],
    ]);
  });

  test("trailers end the request and have no pseudo header fields", () => {
    const peer = new RawPeer("server").greet();
    for (const [id, list, end] of [
      [1, fields(["x-a", "1"]), true],
      [3, fields(["x-a", "1"]), false],
      [5, fields([":path", "/"]), true],
      [7, fields(["connection", "x"]), true],
    ] as const) {
      peer.headers(id, request("POST"), { end: false }).headers(id, list, { end });
    }
    expect(peer.took()).toEqual(["RST_STREAM 3 1", "RST_STREAM 5 1", "RST_STREAM 7 1"]);
    expect(peer.accepted[0]).toMatchObject({ ended: true });
  });

  test("stream ids of a client are odd and rise", () => {
    expect(new RawPeer("server").greet().headers(2, request()).closed?.code).toBe(1);
    const peer = new RawPeer("server").greet().headers(5, request());
    peer.headers(3, request());
    expect(peer.closed?.code).toBe(H2_ERROR.STREAM_CLOSED);
  });
});

function client(): { peer: RawPeer; recorder: Recorder } {
  const peer = new RawPeer("client").greet();
  const recorder = new Recorder();
  recorder.stream = peer.session.request(request(), true, recorder);
  peer.take();
  return { peer, recorder };
}

describe("responses", () => {
  test.each([
    ["no status", fields(["x-a", "1"])],
    ["two statuses", fields([":status", "200"], [":status", "200"])],
    ["a status after another field", fields(["x-a", "1"], [":status", "200"])],
    ["a request's pseudo header field", fields([":status", "200"], [":path", "/"])],
    ["status 101", response("101")],
    ["a status that is no number", response("abc")],
    ["an informational status that ends the stream", response("103")],
    ["transfer-encoding", response("200", ["transfer-encoding", "chunked"])],
    ["a content-length that is not met", response("200", ["content-length", "1"])],
  ])("with %s are malformed", (_, list) => {
    const { peer, recorder } = client();
    peer.headers(1, list);
    expect(recorder.reset?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
    expect(peer.took()).toEqual(["RST_STREAM 1 1"]);
    expect(peer.closed).toBeUndefined();
  });

  test("data before a response is malformed, also after an informational one", () => {
    const { peer, recorder } = client();
    peer.headers(1, response("100"), { end: false }).data(1, [1]);
    expect(recorder.reset?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
  });

  test("streams that a server opens, or answers that nobody asked for, end the connection", () => {
    for (const id of [2, 3]) {
      const { peer } = client();
      peer.headers(id, response());
      expect(peer.closed?.code).toBe(H2_ERROR.PROTOCOL_ERROR);
    }
  });
});

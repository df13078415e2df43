import { describe, expect, test } from "bun:test";
import { FRAMING, UPGRADE } from "./framing.ts";
import { METHOD } from "./method.ts";
import { latin1Bytes, parseResponse, writeResponse } from "./testing/heads.ts";
import { ResponseHead } from "./response-head.ts";

const OK = "HTTP/1.1 200 OK\r\n";

describe("a response head is refused", () => {
  test.each([
    [
      "Content-Length with Transfer-Encoding",
      `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "clWithTe",
    ],
    ["Content-Length twice", `${OK}Content-Length: 3\r\nContent-Length: 3\r\n\r\n`, "repeatedContentLength"],
    ["Content-Length that is no number", `${OK}Content-Length: 3a\r\n\r\n`, "badContentLength"],
    ["an unknown transfer coding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, "unknownTransferCoding"],
    [
      "a transfer coding that ends with the connection",
      `${OK}Transfer-Encoding: gzip\r\n\r\n`,
      "chunkedNotLast",
    ],
    ["Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "teInHttp10"],
    ["LF alone after the status line", "HTTP/1.1 200 OK\nA: b\r\n\r\n", "bareLf"],
    ["CR alone in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", "bareCr"],
    ["NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", "nul"],
    ["a control character in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", "badStatusLine"],
    ["a folded line", `${OK}A: b\r\n c\r\n\r\n`, "obsFold"],
    ["a space before the colon", `${OK}Content-Length : 3\r\n\r\n`, "spaceBeforeColon"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "badStatusLine"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "badStatusLine"],
    ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "badStatusLine"],
    ["a signed status", "HTTP/1.1 +20 OK\r\n\r\n", "badStatusLine"],
    ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", "badStatusLine"],
    ["a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", "badStatusLine"],
    ["no status", "HTTP/1.1\r\n\r\n", "badStatusLine"],
    ["another protocol", "SSH-2.0-OpenSSH\r\n", "badStatusLine"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n", "badVersion"],
    ["version 0.9", "HTTP/0.9 200 OK\r\n\r\n", "badVersion"],
    ["version 1.2", "HTTP/1.2 200 OK\r\n\r\n", "badVersion"],
    ["an empty line before it", `\r\n${OK}\r\n`, "badStatusLine"],
    ["129 headers", `${OK}${"A: b\r\n".repeat(129)}\r\n`, "tooManyHeaders"],
    ["a head of more than 64 KiB", `${OK}A: ${"b".repeat(65_536)}\r\n\r\n`, "headTooLarge"],
    ["a status line of more than 64 KiB", `HTTP/1.1 200 ${"b".repeat(65_536)}\r\n\r\n`, "headTooLarge"],
  ])("for %s", (_why, text, code) => {
    const parsed = parseResponse(text);
    expect([parsed.result, parsed.code]).toEqual([-1, code]);
  });
});

describe("the body of a response", () => {
  test.each([
    ["200 OK", "", METHOD.GET, FRAMING.CLOSE],
    ["200 OK", "Content-Length: 5\r\n", METHOD.GET, FRAMING.LENGTH],
    ["200 OK", "Content-Length: 0\r\n", METHOD.GET, FRAMING.NONE],
    ["200 OK", "Transfer-Encoding: chunked\r\n", METHOD.GET, FRAMING.CHUNKED],
    ["200 OK", "Content-Length: 5\r\n", METHOD.HEAD, FRAMING.NONE],
    ["200 OK", "Transfer-Encoding: chunked\r\n", METHOD.HEAD, FRAMING.NONE],
    ["204 No Content", "Transfer-Encoding: chunked\r\n", METHOD.GET, FRAMING.NONE],
    ["304 Not Modified", "Content-Length: 5\r\n", METHOD.GET, FRAMING.NONE],
    ["100 Continue", "Content-Length: 5\r\n", METHOD.POST, FRAMING.NONE],
    ["101 Switching Protocols", "", METHOD.GET, FRAMING.NONE],
    ["205 Reset Content", "Content-Length: 0\r\n", METHOD.POST, FRAMING.NONE],
    ["500 Oops", "", METHOD.OTHER, FRAMING.CLOSE],
  ] as const)("of %s with %j", (status, lines, method, framing) => {
    const { head, code } = parseResponse(`HTTP/1.1 ${status}\r\n${lines}\r\n`);
    expect([code, head.framingFor(method)]).toEqual([undefined, framing]);
  });
});

describe("a response head", () => {
  test.each([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close\r\n", false],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: keep-alive\r\n", true],
  ])("of %s with %j: may the connection be used again", (version, lines, keepAlive) => {
    expect(parseResponse(`${version} 200 OK\r\n${lines}\r\n`).head.keepAlive).toBe(keepAlive);
  });

  test("is read when it moved in memory between two reads", () => {
    const text = `${OK}Content-Length: 5\r\n\r\n`;
    for (let cut = 0; cut < text.length; cut++) {
      const head = new ResponseHead();
      expect(head.parse(latin1Bytes(`....${text.slice(0, cut)}`), 4, 4 + cut)).toBe(0);
      expect(head.parse(latin1Bytes(`.${text}hello`), 1, 6 + text.length)).toBe(1 + text.length);
      expect([head.status, head.contentLength, writeResponse(head)]).toEqual([200, 5, text]);
    }
  });

  test("101 is no informational one: it is the answer, and a switch when it is to WebSocket", () => {
    const lines = "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n";
    const { head } = parseResponse(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    expect([head.informational, head.upgrade]).toEqual([false, UPGRADE.WEBSOCKET]);
    expect(writeResponse(head, { upgrade: true })).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    expect(parseResponse("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").head.upgrade).toBe(
      UPGRADE.NONE,
    );
    expect(parseResponse(`HTTP/1.1 200 OK\r\n${lines}\r\n`).head.upgrade).toBe(UPGRADE.NONE);
  });
});

describe("a response head is written anew", () => {
  test.each([
    [
      "with what is for this hop only left out",
      "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nServer: s\r\nContent-Length: 5\r\n\r\n",
      {},
      "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nContent-Length: 5\r\n\r\n",
    ],
    [
      "with a body that ends with the connection",
      "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
      { close: true },
      "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n",
    ],
    [
      "with a body that goes out chunked",
      "HTTP/1.0 200 OK\r\nA: b\r\n\r\n",
      { chunk: true },
      "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    [
      "with a known length, which is never chunked",
      "HTTP/1.1 200 OK\r\nContent-Length: 05\r\n\r\n",
      { chunk: true },
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
    [
      "from chunked for a client that cannot read it",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      { clientMinor: 0, close: true },
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
    [
      "for an HTTP/1.0 client that may stay",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
      { clientMinor: 0 },
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
    ],
    [
      "with extra lines",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
      { extra: "Set-Cookie: a=b\r\n" },
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nSet-Cookie: a=b\r\n\r\n",
    ],
    ["without a reason", "HTTP/1.1 200 \r\n\r\n", {}, "HTTP/1.1 200 \r\n\r\n"],
    [
      "without the space before the reason",
      "HTTP/1.1 404\r\nA: b\r\n\r\n",
      {},
      "HTTP/1.1 404 \r\nA: b\r\n\r\n",
    ],
    ["from HTTP/1.0 without a reason", "HTTP/1.0 404\r\nA: b\r\n\r\n", {}, "HTTP/1.1 404 \r\nA: b\r\n\r\n"],
    [
      "with a reason that is not ASCII",
      "HTTP/1.1 500 Ori\xebntatie\r\n\r\n",
      {},
      "HTTP/1.1 500 Ori\xebntatie\r\n\r\n",
    ],
    [
      "204 without any framing",
      "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n",
      { chunk: true },
      "HTTP/1.1 204 x\r\n\r\n",
    ],
    [
      "304 with the length of what is not sent",
      "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
      {},
      "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
    ],
    [
      "304 never chunked",
      "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n",
      { chunk: true },
      "HTTP/1.1 304 x\r\n\r\n",
    ],
    [
      "1xx without framing, connection headers and extra lines",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 1\r\n\r\n",
      { close: true, chunk: true, extra: "A: b\r\n" },
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ],
  ] as const)("%s", (_what, text, edit, expected) => {
    const { head, code } = parseResponse(text);
    expect([code, writeResponse(head, edit)]).toEqual([undefined, expected]);
  });
});

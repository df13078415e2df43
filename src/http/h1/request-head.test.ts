import { describe, expect, test } from "bun:test";
import { FRAMING, UPGRADE } from "./framing.ts";
import { METHOD } from "./method.ts";
import { RequestHead } from "./request-head.ts";
import { latin1Bytes, OURS, parseRequest, writeRequest } from "./testing/heads.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\n";

function hosted(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n`;
}

function relayed(text: string): string {
  const { head, result, code } = parseRequest(text);
  expect([result, code]).toEqual([text.length, undefined]);
  return writeRequest(head);
}

describe("a request head is refused", () => {
  const cases: readonly (readonly [why: string, head: string, code: string, status?: number])[] = [
    [
      "Content-Length with Transfer-Encoding",
      `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "clWithTe",
    ],
    [
      "Transfer-Encoding with Content-Length",
      `${POST}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`,
      "clWithTe",
    ],
    [
      "Content-Length twice, equal",
      `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\n`,
      "repeatedContentLength",
    ],
    [
      "Content-Length twice, different",
      `${POST}Content-Length: 3\r\ncontent-length: 4\r\n\r\n`,
      "repeatedContentLength",
    ],
    ["Content-Length as a list", `${POST}Content-Length: 3, 3\r\n\r\n`, "badContentLength"],
    ["Content-Length with a sign", `${POST}Content-Length: +3\r\n\r\n`, "badContentLength"],
    ["Content-Length below 0", `${POST}Content-Length: -3\r\n\r\n`, "badContentLength"],
    ["Content-Length in hexadecimal", `${POST}Content-Length: 0x3\r\n\r\n`, "badContentLength"],
    ["Content-Length with a fraction", `${POST}Content-Length: 3.0\r\n\r\n`, "badContentLength"],
    ["Content-Length with an exponent", `${POST}Content-Length: 1e2\r\n\r\n`, "badContentLength"],
    ["Content-Length with a space inside", `${POST}Content-Length: 1 2\r\n\r\n`, "badContentLength"],
    ["Content-Length without a number", `${POST}Content-Length: \r\n\r\n`, "badContentLength"],
    [
      "Content-Length of 2^53",
      `${POST}Content-Length: 9007199254740992\r\n\r\n`,
      "contentLengthTooLarge",
      413,
    ],
    [
      "Content-Length of 400 digits",
      `${POST}Content-Length: ${"9".repeat(400)}\r\n\r\n`,
      "contentLengthTooLarge",
      413,
    ],
    [
      "an unknown transfer coding",
      `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      "unknownTransferCoding",
      501,
    ],
    [
      "identity before chunked",
      `${POST}Transfer-Encoding: identity, chunked\r\n\r\n`,
      "unknownTransferCoding",
      501,
    ],
    [
      "an unknown transfer coding on its own line",
      `${POST}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "chunkedNotLast",
    ],
    ["chunked that is not last", `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n`, "chunkedNotLast"],
    [
      "chunked that is not the last line",
      `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n`,
      "chunkedNotLast",
    ],
    ["no chunked", `${POST}Transfer-Encoding: identity\r\n\r\n`, "chunkedNotLast"],
    ["chunked twice in a line", `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n`, "repeatedChunked"],
    [
      "chunked on two lines",
      `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "repeatedChunked",
    ],
    ["an empty Transfer-Encoding", `${POST}Transfer-Encoding:\r\n\r\n`, "badTransferEncoding"],
    [
      "an empty second Transfer-Encoding",
      `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n`,
      "chunkedNotLast",
    ],
    ["an empty element", `${POST}Transfer-Encoding: ,chunked\r\n\r\n`, "badTransferEncoding"],
    ["a parameter of chunked", `${POST}Transfer-Encoding: chunked;q=1\r\n\r\n`, "badTransferEncoding"],
    ["quotes around chunked", `${POST}Transfer-Encoding: "chunked"\r\n\r\n`, "badTransferEncoding"],
    [
      "a list of codings without end",
      `${POST}Transfer-Encoding: ${"x,".repeat(200)}chunked\r\n\r\n`,
      "badTransferEncoding",
    ],
    ["a vertical tab before chunked", `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n`, "controlCharacter"],
    [
      "a letter that folds to k",
      `${POST}Transfer-Encoding: chun\xe2\x84\xaaed\r\n\r\n`,
      "badTransferEncoding",
    ],
    ["chunkedchunked", `${POST}Transfer-Encoding: chunkedchunked\r\n\r\n`, "chunkedNotLast"],
    ["Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "teInHttp10"],
    ["TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "traceWithBody"],

    ["LF alone after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", "bareLf"],
    ["LF alone after a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "bareLf"],
    ["LF alone at the end of the head", `${GET}\n`, "bareLf"],
    ["CR alone in a value", `${GET}X: a\rb\r\n\r\n`, "bareCr"],
    ["CR alone after a name", `${GET}X\rY: b\r\n\r\n`, "bareCr"],
    ["CR alone at the end of the head", `${GET}\rX: y\r\n\r\n`, "bareCr"],
    ["CR CR LF", `${GET}X: a\r\r\n\r\n`, "bareCr"],
    ["CR alone after the version", "GET / HTTP/1.1\rX\r\n\r\n", "bareCr"],
    ["NUL in a value", `${GET}X: a\0b\r\n\r\n`, "nul"],
    ["NUL in a name", `${GET}X\0: b\r\n\r\n`, "nul"],
    ["a control character in a value", `${GET}X: a\x01b\r\n\r\n`, "controlCharacter"],
    ["DEL in a value", `${GET}X: \x7f\r\n\r\n`, "controlCharacter"],
    ["a folded line", `${GET}X: a\r\n b\r\n\r\n`, "obsFold"],
    ["a line folded by a tab", `${GET}X: a\r\n\tContent-Length: 5\r\n\r\n`, "obsFold"],
    ["a first header line that begins with a space", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obsFold"],
    ["a space before the colon", `${GET}Content-Length : 5\r\n\r\n`, "spaceBeforeColon"],
    ["a tab before the colon", `${GET}Transfer-Encoding\t: chunked\r\n\r\n`, "spaceBeforeColon"],
    ["an empty name", `${GET}: x\r\n\r\n`, "emptyName"],
    ["a name that is no token", `${GET}X@y: x\r\n\r\n`, "badName"],
    ["a name with a byte above 0x7f", `${GET}X\xe9: x\r\n\r\n`, "badName"],
    ["a line without a colon", `${GET}abc\r\n\r\n`, "noColon"],

    ["no Host", "GET / HTTP/1.1\r\n\r\n", "noHost"],
    ["Host twice", `${GET}Host: a\r\n\r\n`, "repeatedHost"],
    ["Host twice, differently spelt", `${GET}hOST: b\r\n\r\n`, "repeatedHost"],
    ["Host twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "repeatedHost"],
    ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "badHost"],
    ["a Host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "badHost"],
    ["a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "badHost"],
    ["two Hosts with a comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "badHost"],
    ["a Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "badHost"],
    ["a Host with a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "badHost"],
    ["a Host with a port of six digits", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", "badHost"],
    ["a Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "badHost"],
    ["a Host with something behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "badHost"],
    ["a Host with a byte above 0x7f", "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n", "badHost"],
    ["an absolute target for another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "hostMismatch"],
    [
      "an absolute target for another port",
      "GET http://a:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n",
      "hostMismatch",
    ],
    ["an absolute target without Host", "GET http://a/ HTTP/1.1\r\n\r\n", "noHost"],
    ["an absolute target with user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["an absolute target without an authority", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["an absolute target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],

    ["a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "badMethod"],
    ["a method with a colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", "badMethod"],
    ["a method of 33 letters", `${"A".repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, "badMethod"],
    ["a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "badMethod"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "badRequestLine"],
    ["no version", "GET /\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["a cut version", "GET / HTTP\r\n", "badRequestLine"],
    ["two empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["LF alone before it", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bareLf"],
    ["CR alone before it", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bareCr"],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "connectRefused", 501],
    ["a target with a control character", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["a target with a byte above 0x7f", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["a target with a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["* with another method than OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "badTarget"],
    ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "badVersion", 505],
    ["HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "badVersion", 505],
    ["HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", "badVersion", 505],
    ["http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["HTTP/11.1", "GET / HTTP/11.1\r\nHost: a\r\n\r\n", "badRequestLine"],
    ["HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "badRequestLine"],

    ["an unknown expectation", `${POST}Expect: 100-continue, x\r\n\r\n`, "unknownExpectation", 417],
    ["a Connection that is no list of tokens", `${GET}Connection: close; x\r\n\r\n`, "badConnection"],
    ["a Connection with 65 options", `${GET}Connection: ${"x,".repeat(65)}\r\n\r\n`, "badConnection"],
    ["129 headers", `${GET}${"X: y\r\n".repeat(128)}\r\n`, "tooManyHeaders", 431],
    ["a head of more than 64 KiB", `${GET}X: ${"y".repeat(65_536)}\r\n\r\n`, "headTooLarge", 431],
    ["a head without end", `${GET}X: ${"y".repeat(70_000)}`, "headTooLarge", 431],
    ["a target of more than 64 KiB", `GET /${"y".repeat(65_536)} HTTP/1.1\r\n`, "targetTooLong", 414],
  ];
  test.each(cases)("for %s", (_why, text, code, status = 400) => {
    const { head, result } = parseRequest(text);
    expect({ result, code: head.problem?.code, status: head.problem?.status as number }).toEqual({
      result: -1,
      code,
      status,
    });
  });
});

test("a head that comes in pieces is refused as soon as it is too large", () => {
  for (const [start, code] of [
    [`${GET}X: `, "headTooLarge"],
    ["GET /", "targetTooLong"],
  ] as const) {
    const bytes = latin1Bytes(start + "y".repeat(70_000));
    const head = new RequestHead();
    let to = 0;
    for (let read = 0; read === 0;) read = head.parse(bytes, 0, (to += 1000));
    expect([to, head.problem?.code]).toEqual([66_000, code]);
  }
});

describe("a request head is taken", () => {
  test("and says what the message is", () => {
    const text = "PUT /a/b?c=d?e HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n";
    const { head, result } = parseRequest(`${text}more`);
    expect(result).toBe(text.length);
    expect(head).toMatchObject({
      method: METHOD.PUT,
      minor: 1,
      framing: FRAMING.LENGTH,
      contentLength: 12,
      keepAlive: true,
      expectContinue: false,
      upgrade: UPGRADE.NONE,
      idempotent: true,
    });
    expect(head.path()).toBe("/a/b");
    expect(text.slice(head.targetFrom, head.targetTo)).toBe("/a/b?c=d?e");
    expect(text.slice(head.methodFrom, head.methodTo)).toBe("PUT");
  });

  test.each([
    ["GET", METHOD.GET, true],
    ["HEAD", METHOD.HEAD, true],
    ["POST", METHOD.POST, false],
    ["PUT", METHOD.PUT, true],
    ["DELETE", METHOD.DELETE, true],
    ["OPTIONS", METHOD.OPTIONS, true],
    ["PATCH", METHOD.PATCH, false],
    ["TRACE", METHOD.TRACE, true],
    ["M-SEARCH", METHOD.OTHER, false],
    ["GETX", METHOD.OTHER, false],
    ["PURGE", METHOD.OTHER, false],
  ] as const)("with the method %s", (name, method, idempotent) => {
    expect(parseRequest(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`).head).toMatchObject({ method, idempotent });
  });

  test.each([
    ["", FRAMING.NONE, -1],
    ["Content-Length: 0\r\n", FRAMING.NONE, 0],
    ["content-LENGTH:\t007 \r\n", FRAMING.LENGTH, 7],
    ["Content-Length: 9007199254740991\r\n", FRAMING.LENGTH, 9007199254740991],
    ["Transfer-Encoding: chunked\r\n", FRAMING.CHUNKED, -1],
    ["transfer-encoding:CHUNKED \r\n", FRAMING.CHUNKED, -1],
  ] as const)("with the framing of %j", (lines, framing, contentLength) => {
    expect(parseRequest(`${POST}${lines}\r\n`).head).toMatchObject({ framing, contentLength });
  });

  test.each([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close\r\n", false],
    ["HTTP/1.1", "Connection: keep-alive\r\nConnection: x, CLOSE\r\n", false],
    ["HTTP/1.1", "Proxy-Connection: close\r\n", true],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
    ["HTTP/1.0", "Connection: keep-alive, close\r\n", false],
  ])("and is kept alive as %s with %j asks", (version, lines, keepAlive) => {
    expect(parseRequest(`GET / ${version}\r\nHost: a\r\n${lines}\r\n`).head.keepAlive).toBe(keepAlive);
  });

  test.each([
    "a",
    "A.b-c_d:8080",
    "[::1]",
    "[fe80::1%25eth0]:80",
    "192.0.2.1:80",
    "a:",
    "",
    "0.0.0.0=5000",
    "xn--e1afmkfd",
  ])("with Host %j", (host) => {
    expect(parseRequest(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).code).toBeUndefined();
  });

  test("after one empty line", () => {
    const { head, result } = parseRequest(`\r\n${GET}\r\n`);
    expect(result).toBe(GET.length + 4);
    expect(writeRequest(head)).toBe(`${GET}${OURS}\r\n`);
  });

  test("of exactly 64 KiB and 128 headers", () => {
    const rest = 65_536 - GET.length - 126 * 6 - "X: \r\n\r\n".length;
    const text = `${GET}${"X: y\r\n".repeat(126)}X: ${"y".repeat(rest)}\r\n\r\n`;
    expect(text.length).toBe(65_536);
    expect(parseRequest(`${text}behind`).result).toBe(65_536);
  });

  test("by its own limits", () => {
    expect(parseRequest(`${GET}X: y\r\n\r\n`, { maxHeaders: 1 }).code).toBe("tooManyHeaders");
    expect(parseRequest(`${GET}\r\n`, { maxHeadBytes: GET.length + 1 }).code).toBe("headTooLarge");
    expect(parseRequest(`${GET}\r\n`, { maxHeadBytes: GET.length + 2 }).code).toBeUndefined();
  });

  test("one after another with the same object, wherever they lie", () => {
    const text = `${POST}Content-Length: 0\r\nX-A: 1\r\n\r\nGET http://a HTTP/1.0\r\n\r\n`;
    const bytes = latin1Bytes(text);
    const head = new RequestHead();
    const first = head.parse(bytes, 0, bytes.length);
    expect(head.header("x-a")).toBe("1");
    expect(head.parse(bytes, first, bytes.length)).toBe(bytes.length);
    expect(head).toMatchObject({ method: METHOD.GET, minor: 0, contentLength: -1 });
    expect(head.header("x-a")).toBeUndefined();
    expect(head.path()).toBe("/");
  });

  test("when it moved in memory between two reads", () => {
    const text = "GET /p?q HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n";
    for (let cut = 0; cut < text.length; cut++) {
      const head = new RequestHead();
      expect(head.parse(latin1Bytes(`....${text.slice(0, cut)}`), 4, 4 + cut)).toBe(0);
      expect(head.parse(latin1Bytes(`.${text}..`), 1, 3 + text.length)).toBe(1 + text.length);
      expect(writeRequest(head)).toBe(`GET /p?q HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n${OURS}\r\n`);
      expect([head.path(), head.header("x-a")]).toEqual(["/p", "1"]);
    }
  });

  test("and joins the values of lines with one name", () => {
    const { head } = parseRequest(`${GET}X-a: 1\r\nCookie: b=c\r\nx-A: 2\r\ncookie: d=e\r\n\r\n`);
    expect([head.header("x-a"), head.header("cookie"), head.header("x-b")]).toEqual([
      "1, 2",
      "b=c; d=e",
      undefined,
    ]);
  });
});

describe("a request head is written anew", () => {
  test("with what is for the next hop only left out", () => {
    const hop = [
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "TE: trailers",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "Connection: keep-alive, Upgrade, HTTP2-Settings, X-Hop, TE",
      "X-Hop: 1",
    ];
    expect(relayed(`${GET}A: 1\r\n${hop.join("\r\n")}\r\nB: 2\r\n\r\n`)).toBe(
      `${GET}A: 1\r\nB: 2\r\n${OURS}\r\n`,
    );
  });

  test("with what others say of the client left out, also with underscores", () => {
    const lies = [
      "Forwarded: for=1",
      "X-Forwarded-For: 1",
      "X-Forwarded-Proto: https",
      "x-forwarded-host: b",
      "X-Forwarded-Port: 1",
      "X-Real-IP: 1",
    ];
    const text = [...lies, ...lies.slice(1).map((line) => line.replaceAll("-", "_"))].join("\r\n");
    expect(relayed(`${GET}${text}\r\n\r\n`)).toBe(`${GET}${OURS}\r\n`);
  });

  test("and framing headers with underscores left out", () => {
    expect(relayed(`${GET}Content_Length: 5\r\nTransfer_Encoding: chunked\r\nmy_name: 1\r\n\r\n`)).toBe(
      `${GET}my_name: 1\r\n${OURS}\r\n`,
    );
  });

  test("and Connection takes out no header that is for everybody", () => {
    const kept = "Authorization: x\r\nCookie: y\r\nContent-Type: z\r\nCache-Control: no-store\r\n";
    const named =
      "Host, Content-Length, Transfer-Encoding, Cookie, Authorization, Content-Type, Cache-Control, X-Forwarded-For, Forwarded";
    expect(relayed(`${POST}${kept}Connection: ${named}\r\nContent-Length: 3\r\n\r\n`)).toBe(
      `${POST}${kept}${OURS}Content-Length: 3\r\n\r\n`,
    );
  });

  test("with the framing written by us", () => {
    expect(relayed(`${POST}content-length:  003 \r\nA: 1\r\n\r\n`)).toBe(
      `${POST}A: 1\r\n${OURS}Content-Length: 3\r\n\r\n`,
    );
    expect(relayed(`${POST}TRANSFER-ENCODING:Chunked\r\nTrailer: X\r\n\r\n`)).toBe(
      `${POST}Trailer: X\r\n${OURS}Transfer-Encoding: chunked\r\n\r\n`,
    );
    expect(relayed(`${POST}Content-Length: 0\r\n\r\n`)).toBe(`${POST}${OURS}Content-Length: 0\r\n\r\n`);
  });

  test("with white space around values made even", () => {
    expect(relayed(`${GET}A:1\r\nB:\t 2 \t\r\nC:\r\nD: \r\nE: 5  6\r\n\r\n`)).toBe(
      `${GET}A: 1\r\nB: 2\r\nC: \r\nD: \r\nE: 5  6\r\n${OURS}\r\n`,
    );
  });

  test("from an absolute target in origin form", () => {
    expect(relayed(`${hosted("http://A/b?c")}\r\n`)).toBe(`${hosted("/b?c")}${OURS}\r\n`);
    expect(relayed(`${hosted("HTTPS://a?c")}\r\n`)).toBe(`${hosted("/?c")}${OURS}\r\n`);
    expect(relayed(`${hosted("http://a")}\r\n`)).toBe(`${hosted("/")}${OURS}\r\n`);
    expect(relayed("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n")).toStartWith("OPTIONS * HTTP/1.1\r\n");
    expect(relayed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).toStartWith("OPTIONS * HTTP/1.1\r\n");
  });

  test("from HTTP/1.0 as HTTP/1.1 with a Host, if need be an empty one", () => {
    expect(relayed("GET /x HTTP/1.0\r\nA: 1\r\n\r\n")).toBe(
      "GET /x HTTP/1.1\r\nHost: \r\nA: 1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n\r\n",
    );
    expect(relayed("GET http://a/x HTTP/1.0\r\n\r\n")).toBe(`GET /x HTTP/1.1\r\nHost: a\r\n${OURS}\r\n`);
    expect(relayed("GET /x HTTP/1.0\r\nhost: a\r\n\r\n")).toBe(`GET /x HTTP/1.1\r\nhost: a\r\n${OURS}\r\n`);
  });

  test.each([
    ["/app/x?y", 4, "/x?y"],
    ["/app", 4, "/"],
    ["/app?y", 4, "/?y"],
    ["/app/", 5, "/"],
    ["/app/x", 5, "/x"],
    ["http://a/app/x", 4, "/x"],
  ])("with %s less %i bytes as %s", (target, stripBytes, expected) => {
    const { head } = parseRequest(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(writeRequest(head, { stripBytes })).toBe(`GET ${expected} HTTP/1.1\r\nHost: a\r\n${OURS}\r\n`);
  });

  test("with Via only when asked", () => {
    const { head } = parseRequest(`${GET}Via: 1.0 x\r\n\r\n`);
    expect(writeRequest(head)).toBe(`${GET}Via: 1.0 x\r\n${OURS}\r\n`);
    expect(writeRequest(head, { via: "isthmus" })).toBe(
      `${GET}Via: 1.0 x\r\n${OURS}Via: 1.1 isthmus\r\n\r\n`,
    );
  });

  test("with another client's address when that changes", () => {
    const { head } = parseRequest(`${GET}\r\n`);
    expect(writeRequest(head, { clientAddress: "2001:db8::1", scheme: "https" })).toBe(
      `${GET}X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\n\r\n`,
    );
    expect(writeRequest(head)).toBe(`${GET}${OURS}\r\n`);
  });

  test("with the expectation only when it is sent on", () => {
    const { head } = parseRequest(`${POST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`);
    expect(head.expectContinue).toBe(true);
    expect(writeRequest(head)).toBe(`${POST}${OURS}Content-Length: 1\r\n\r\n`);
    expect(writeRequest(head, { expect: true })).toBe(
      `${POST}${OURS}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n`,
    );
  });

  test.each(["POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\n", POST, `${POST}Content-Length: 0\r\n`])(
    "and there is no expectation to meet in %j",
    (text) => {
      expect(parseRequest(`${text}Expect: 100-continue\r\n\r\n`).head.expectContinue).toBe(false);
    },
  );
});

describe("an upgrade", () => {
  const upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n";

  test("to WebSocket is seen, and sent on when asked", () => {
    const { head } = parseRequest(`${GET}${upgrade}\r\n`);
    expect(head.upgrade).toBe(UPGRADE.WEBSOCKET);
    const kept = `${GET}Sec-WebSocket-Key: k\r\n${OURS}`;
    expect(writeRequest(head)).toBe(`${kept}\r\n`);
    expect(writeRequest(head, { upgrade: true })).toBe(
      `${kept}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
  });

  test.each([
    `${GET}Upgrade: websocket\r\n`,
    `${GET}Connection: upgrade\r\n`,
    `${GET}Connection: upgrade\r\nUpgrade: h2c\r\n`,
    `${GET}Connection: upgrade\r\nUpgrade: websocket, h2c\r\n`,
    `${GET}Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n`,
    `${GET}Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n`,
    `${GET}${upgrade}Content-Length: 1\r\n`,
    `${POST}${upgrade}`,
    `GET / HTTP/1.0\r\nHost: a\r\n${upgrade}`,
  ])("is none, and never sent on, in %j", (text) => {
    const { head, code } = parseRequest(`${text}\r\n`);
    expect([code, head.upgrade]).toEqual([undefined, UPGRADE.NONE]);
    expect(writeRequest(head, { upgrade: true }).toLowerCase()).not.toContain("upgrade");
  });
});

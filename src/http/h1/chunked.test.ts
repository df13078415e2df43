import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ChunkedReader } from "./chunked.ts";
import { latin1Bytes, latin1Text } from "./testing/heads.ts";

interface Reading {
  readonly body: string;
  readonly trailers: string | undefined;
  /** What stands behind the body; undefined while it is not whole. */
  readonly rest: string | undefined;
  readonly code: string | undefined;
}

/** Reads `text` in pieces of these lengths, which take turns. */
function read(
  text: string,
  pieces: readonly number[] = [text.length],
  reader = new ChunkedReader(),
): Reading {
  let body = "";
  const sink = {
    onBody(bytes: Uint8Array, from: number, to: number) {
      expect(to).toBeGreaterThan(from);
      body += latin1Text(bytes.subarray(from, to));
    },
  };
  let at = 0;
  for (let turn = 0; at < text.length && !reader.done && reader.problem === undefined; turn++) {
    const to = Math.min(text.length, at + pieces[turn % pieces.length]!);
    const bytes = latin1Bytes(text.slice(at, to));
    const result = reader.read(bytes, 0, bytes.length, sink);
    if (result >= 0) expect(reader.done ? result <= bytes.length : result === bytes.length).toBe(true);
    else expect(reader.problem).toBeDefined();
    at += Math.max(result, 0);
  }
  const trailers = reader.trailers === undefined ? undefined : latin1Text(reader.trailers);
  return { body, trailers, rest: reader.done ? text.slice(at) : undefined, code: reader.problem?.code };
}

describe("a chunked body is read", () => {
  test.each([
    ["without data", "0\r\n\r\n", ""],
    [
      "with sizes in capitals, small letters and zeros",
      "A\r\n0123456789\r\n0b\r\n0123456789a\r\n000\r\n\r\n",
      "01234567890123456789a",
    ],
    [
      "with extensions, which are dropped",
      '3;a;b=c;d="e;\\"\r f"\r\nabc\r\n0;z\r\n\r\n'.replace("\r f", "\t f"),
      "abc",
    ],
    ["with CRLF as data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"],
    ["with a size of 16 digits", "0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"],
  ])("%s", (_what, text, body) => {
    expect(read(`${text}GET`)).toEqual({ body, trailers: undefined, rest: "GET", code: undefined });
  });

  test("with trailers, of which the forbidden are dropped", () => {
    const dropped = [
      "Content-Length: 5",
      "Transfer-Encoding: chunked",
      "Host: b",
      "Authorization: x",
      "Set-Cookie: x",
      "Cookie: x",
      "Content-Type: x",
      "Content_Encoding: x",
      "Connection: close",
      "Trailer: x",
      "X-Forwarded-For: 1",
      "x_forwarded_for: 1",
      "Forwarded: for=1",
      "Cache-Control: no-store",
      "Proxy-Authorization: x",
      "Expect: 100-continue",
      "Content-Length: nonsense",
    ];
    const text = `1\r\na\r\n0\r\nGrpc-Status: 0\r\n${dropped.join("\r\n")}\r\nX-Sum:  7 \r\n\r\nnext`;
    expect(read(text)).toEqual({
      body: "a",
      trailers: "Grpc-Status: 0\r\nX-Sum: 7\r\n",
      rest: "next",
      code: undefined,
    });
    expect(read("0\r\nHost: a\r\n\r\n").trailers).toBeUndefined();
  });

  test("by the same object again after a reset", () => {
    const reader = new ChunkedReader();
    read("3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", [1], reader);
    reader.reset();
    expect(read("1\r\nz\r\n0\r\n\r\n", [1], reader)).toEqual({
      body: "z",
      trailers: undefined,
      rest: "",
      code: undefined,
    });
  });
});

describe("a chunked body is refused", () => {
  test.each([
    ["an empty size", "\r\n", "badChunkSize"],
    ["a sign", "+3\r\nabc\r\n", "badChunkSize"],
    ["a minus", "-3\r\nabc\r\n", "badChunkSize"],
    ["0x", "0x3\r\nabc\r\n", "badChunkSize"],
    ["a space before the size", " 3\r\nabc\r\n", "badChunkSize"],
    ["a space behind the size", "3 \r\nabc\r\n", "badChunkSize"],
    ["a space before the semicolon", "3 ;a\r\nabc\r\n", "badChunkSize"],
    ["a letter behind f", "g\r\n", "badChunkSize"],
    ["an underscore", "1_0\r\n", "badChunkSize"],
    ["NUL behind the size", "3\0\r\nabc\r\n", "badChunkSize"],
    ["a size of 2^53", "20000000000000\r\n", "chunkTooLarge"],
    ["a size that wraps at 64 bit", "10000000000000003\r\nabc\r\n", "chunkTooLarge"],
    ["a size of 17 digits", "00000000000000003\r\nabc\r\n", "chunkTooLarge"],
    ["LF alone behind the size", "3\nabc\r\n", "bareLf"],
    ["CR alone behind the size", "3\rabc\r\n", "bareCr"],
    ["CR CR LF behind the size", "3\r\r\nabc\r\n", "bareCr"],
    ["no CRLF behind the data", "3\r\nabc0\r\n\r\n", "badChunkEnd"],
    ["data longer than said", "3\r\nabcd\r\n", "badChunkEnd"],
    ["data shorter than said", "3\r\nab\r\n0\r\n\r\n", "bareLf"],
    ["LF alone behind the data", "3\r\nabc\n0\r\n\r\n", "bareLf"],
    ["CR alone behind the data", "3\r\nabc\r0\r\n\r\n", "bareCr"],
    ["an extension without a name", "3;\r\nabc\r\n", "badChunkExtension"],
    ["an extension without a value", "3;a=\r\nabc\r\n", "badChunkExtension"],
    ["a space in an extension", "3;a b\r\nabc\r\n", "badChunkExtension"],
    ["LF alone in an extension", "3;a\nabc\r\n", "bareLf"],
    ["LF alone in a quoted string", '3;a="\n"\r\nabc\r\n', "bareLf"],
    ["CR in a quoted string", '3;a="\r\n"\r\nabc\r\n', "bareCr"],
    ["an open quoted string", '3;a="b\r\nabc\r\n', "bareCr"],
    ["something behind a quoted string", '3;a="b"c\r\nabc\r\n', "badChunkExtension"],
    ["an extension of more than 1 KiB", `3;${"a".repeat(1024)}\r\nabc\r\n`, "chunkExtensionTooLong"],
    ["more extensions than data", `1;${"a".repeat(900)}\r\nx\r\n`.repeat(20), "chunkExtensionTooLong"],
    ["a folded trailer", "0\r\nX: y\r\n z\r\n\r\n", "obsFold"],
    ["a trailer with LF alone", "0\r\nX: y\nZ: z\r\n\r\n", "bareLf"],
    ["a trailer section that ends with LF alone", "0\r\nX: y\n\r\n", "bareLf"],
    ["a space before the colon of a trailer", "0\r\nX : y\r\n\r\n", "spaceBeforeColon"],
    ["a trailer that is none", "0\r\nGET / HTTP/1.1\r\n\r\n", "spaceBeforeColon"],
    ["LF alone at the end", "0\r\n\n\r\n", "bareLf"],
    ["CR alone at the end", "0\r\n\rX", "bareCr"],
    ["129 trailers", `0\r\n${"X: y\r\n".repeat(129)}\r\n`, "tooManyHeaders"],
    ["trailers of more than 64 KiB", `0\r\nX: ${"y".repeat(65_536)}\r\n\r\n`, "headTooLarge"],
    ["a trailer without end", `0\r\nX: ${"y".repeat(70_000)}`, "headTooLarge"],
  ])("for %s", (_what, text, code) => {
    expect(read(text).code).toBe(code);
    expect(read(text, [1]).code).toBe(code);
  });

  test("and stays so", () => {
    const reader = new ChunkedReader();
    expect(read("x", [1], reader).code).toBe("badChunkSize");
    const bytes = latin1Bytes("0\r\n\r\n");
    expect(reader.read(bytes, 0, bytes.length, { onBody: () => {} })).toBe(-1);
  });
});

test("long extensions are taken with as much data", () => {
  const chunk = `400;${"a".repeat(1000)}\r\n${"x".repeat(1024)}\r\n`;
  expect(read(`${chunk.repeat(100)}0\r\n\r\n`).body.length).toBe(102_400);
});

test("however a body is chunked and cut, what comes out is what went in", () => {
  const token = fc.stringMatching(/^[a-zA-Z0-9!#-]{1,8}$/);
  const value = fc.oneof(
    token,
    token.map((text) => `"${text} ;\\""`),
  );
  const extension = fc.oneof(
    token,
    fc.tuple(token, value).map(([name, text]) => `${name}=${text}`),
  );
  const chunk = fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 40 }).map(latin1Text),
    extensions: fc.array(extension, { maxLength: 2 }).map((all) => all.map((one) => `;${one}`).join("")),
    zeros: fc.nat(3),
  });
  const property = fc.property(
    fc.array(chunk, { maxLength: 6 }),
    fc.array(fc.tuple(token, token), { maxLength: 3 }),
    fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
    (chunks, fields, cuts) => {
      const sized = chunks.map(
        ({ data, extensions, zeros }) =>
          `${"0".repeat(zeros)}${data.length.toString(16)}${extensions}\r\n${data}\r\n`,
      );
      const trailers = fields.map(([name, text]) => `X-${name}: ${text}\r\n`).join("");
      expect(read(`${sized.join("")}0\r\n${trailers}\r\nbehind`, cuts)).toEqual({
        body: chunks.map(({ data }) => data).join(""),
        trailers: trailers === "" ? undefined : trailers,
        rest: "behind",
        code: undefined,
      });
    },
  );
  fc.assert(property, { numRuns: 500 });
});

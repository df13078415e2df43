import { expect, test } from "bun:test";
import { spokenIn } from "./spoken.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["GET / HTTP/1.1\r\n", "http1"],
  ["PROPFIND /a HTTP/1.1\r\nHost: a\r\n", "http1"],
  ["M-SEARCH * HTTP/1.1\r\n", "http1"],
  ["GET http://a/ HTTP/1.0\n", "http1"],
  [`GET /${"a".repeat(9000)}`, "http1"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", "http2"],
  ["GET key\r\n", "other"],
  ["PING\r\n", "other"],
  ["GET /key\r\n", "other"],
  ["*1\r\n$4\r\nPING\r\n", "other"],
  ["\x16\x03\x01", "other"],
  ["PRI * HTTP/1.1\r\n", "http1"],
  ["get / HTTP/1.1\r\n", "other"],
  ["EHLO a.example\r\n", "other"],
  ["A".repeat(30), "other"],
] as const)("%j is %s", (text, spoken) => {
  expect(spokenIn(bytes(text))).toBe(spoken);
});

test.each(["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])(
  "%j is not judged before it is whole",
  (text) => {
    for (let length = 1; length < text.length; length++)
      expect(spokenIn(bytes(text.slice(0, length)))).toBeUndefined();
  },
);

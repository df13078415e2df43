import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeOpen, encodeOpen, MAX_ENCODED_OPEN_BYTES, problemOfOpen } from "./open-codec.ts";
import { streamOpen } from "./testing/link-pair.ts";
import type { StreamOpen } from "./types.ts";

const text = fc
  .string({ maxLength: 255, unit: "binary" })
  .filter((each) => new TextEncoder().encode(each).length <= 255 && each.isWellFormed());
const open: fc.Arbitrary<StreamOpen> = fc.record({
  service: text.filter((each) => each !== ""),
  port: fc.integer({ min: 1, max: 65_535 }),
  endpoint: text,
  protocol: fc.constant("tcp" as const),
  client: text,
  hops: fc.array(text, { maxLength: 8 }),
  trace: text,
});

function encoded(from: StreamOpen, at = 0): Uint8Array {
  const bytes = new Uint8Array(at + MAX_ENCODED_OPEN_BYTES);
  return bytes.subarray(0, encodeOpen(bytes, at, from));
}

describe("OPEN", () => {
  test("reads back as it was written, anywhere in a buffer", () => {
    fc.assert(
      fc.property(open, fc.nat(100), (each, at) => {
        expect(problemOfOpen(each)).toBeUndefined();
        const bytes = encoded(each, at);
        expect(decodeOpen(bytes, at, bytes.length)).toEqual(each);
      }),
    );
  });

  test("cut anywhere is malformed, never misread", () => {
    const bytes = encoded(streamOpen());
    for (let end = 0; end < bytes.length; end++) expect(decodeOpen(bytes, 0, end)).toBeUndefined();
  });

  test("reads any bytes without throwing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeOpen(bytes, 0, bytes.length);
        bytes[0] = 1;
        decodeOpen(bytes, 0, bytes.length);
      }),
    );
  });

  test("is not sent when it cannot be read back", () => {
    expect(problemOfOpen({ ...streamOpen(), hops: Array.from({ length: 9 }, () => "a") })).toBe(
      "More than 8 hops",
    );
    expect(problemOfOpen({ ...streamOpen(), port: 0 })).toBe("Port 0 is not in 1..65535");
    expect(problemOfOpen({ ...streamOpen(), service: "x".repeat(256) })).toContain("longer than 255");
    expect(problemOfOpen({ ...streamOpen(), client: "é".repeat(128) })).toContain("longer than 255");
  });
});

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import { FIELD, field, type Field } from "./field.ts";
import { encodeBlock, huffmanEncode } from "./testing/block.ts";
import { readCorpus } from "./testing/corpus.ts";

const MOST = 64 * 1024;

function decode(decoder: HpackDecoder, block: Uint8Array): [string, string][] {
  const fields = decoder.decode(block, 0, block.length);
  if (fields === undefined) throw new Error(decoder.problem);
  return pairs(fields);
}

function pairs(fields: readonly Field[]): [string, string][] {
  return fields.map(({ name, value }) => [name, value]);
}

function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

interface Story {
  cases: { wire: string; headers: Record<string, string>[] }[];
}

for (const corpus of ["hpack/nghttp2", "hpack/nghttp2-change-table-size"]) {
  const stories = readCorpus(corpus);
  describe.skipIf(stories === undefined)(`corpus ${corpus}`, () => {
    for (const { name, content } of stories ?? []) {
      test(`${name} is decoded as its encoder meant it, and survives our encoder`, () => {
        const decoder = new HpackDecoder(MOST);
        const encoder = new HpackEncoder();
        const second = new HpackDecoder(MOST);
        for (const { wire, headers } of (content as Story).cases) {
          const block = hex(wire);
          const fields = decoder.decode(block, 0, block.length);
          expect(decoder.problem).toBeUndefined();
          expect(pairs(fields ?? [])).toEqual(headers.flatMap((header) => Object.entries(header)));
          expect(decode(second, encodeBlock(encoder, fields ?? []))).toEqual(pairs(fields ?? []));
        }
      });
    }
  });
}

describe("decoder", () => {
  test("follows the examples of RFC 7541 appendix C.4 and C.6", () => {
    const requests = new HpackDecoder(MOST);
    expect(decode(requests, hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"))).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ]);
    expect(decode(requests, hex("828684be5886a8eb10649cbf"))).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
      ["cache-control", "no-cache"],
    ]);
    expect(decode(requests, hex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))).toEqual([
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  test("gives the same object for a table hit and for a literal that comes again", () => {
    const decoder = new HpackDecoder(MOST);
    const path = huffmanEncode(Buffer.from("/some/path"));
    const first = new Uint8Array([0x82, 0x41, 3, 97, 46, 98, 0x04, 0x80 | path.length, ...path]);
    const again = new Uint8Array([0x82, 0xbe, 0x04, 0x80 | path.length, ...path]);
    const one = decoder.decode(first, 0, first.length)!;
    const two = decoder.decode(again, 0, again.length)!;
    expect(pairs(one)).toEqual([
      [":method", "GET"],
      [":authority", "a.b"],
      [":path", "/some/path"],
    ]);
    one.forEach((known, i) => expect(two[i]).toBe(known));
  });

  test("a literal whose name is an entry that changed is another field", () => {
    const decoder = new HpackDecoder(MOST);
    const literal = [0x0f, 47, 1, 118]; // Index 62 is the newest entry.
    const first = new Uint8Array([0x40, 1, 97, 1, 49, ...literal]);
    const second = new Uint8Array([0x40, 1, 98, 1, 49, ...literal]);
    expect(decode(decoder, first)).toEqual([
      ["a", "1"],
      ["a", "v"],
    ]);
    expect(decode(decoder, second)).toEqual([
      ["b", "1"],
      ["b", "v"],
    ]);
  });

  test("keeps that a field is never indexed", () => {
    const decoder = new HpackDecoder(MOST);
    const block = new Uint8Array([0x10, 1, 97, 1, 98, 0x00, 1, 97, 1, 98]);
    for (let times = 0; times < 2; times++) {
      expect(decoder.decode(block, 0, block.length)?.map(({ sensitive }) => sensitive)).toEqual([
        true,
        false,
      ]);
    }
  });

  test.each([
    ["index 0", "80"],
    ["an index past the tables", "be"],
    ["an index far past the tables", "ffffffff07"],
    ["an integer that never ends", "ffffffffffffffffff"],
    ["an integer past 2^28", "ffffffffff01"],
    ["an integer that is cut", "ff"],
    ["a name that is cut", "400561"],
    ["a name that is missing", "40"],
    ["a value that is missing", "400161"],
    ["a string past the block", "4001617f80ffff03"],
    ["EOS in a string", "00016184ffffffff"],
    ["a table larger than allowed", "3fe21f"],
    ["a table size that is cut", "3f"],
    ["a table size after a field", "8220"],
  ])("refuses %s", (_, wire) => {
    const decoder = new HpackDecoder(MOST);
    const block = hex(wire);
    expect(decoder.decode(block, 0, block.length)).toBeUndefined();
    expect(decoder.problem).toBeString();
  });

  test("a list that is too large is read to its end, so that both tables stay alike", () => {
    const decoder = new HpackDecoder(200);
    const value = "v".repeat(100);
    const encoder = new HpackEncoder();
    const list = ["a", "b", "c"].map((name) => field(name, value));
    const block = encodeBlock(encoder, list);
    expect(decoder.decode(block, 0, block.length)?.length).toBe(1);
    expect(decoder.tooLarge).toBeTrue();
    expect(decoder.listBytes).toBe(3 * 133);
    expect(decode(decoder, encodeBlock(encoder, list.slice(2)))).toEqual([["c", value]]);
    expect(decoder.tooLarge).toBeFalse();
  });

  test("any octets are decoded or refused, and never throw", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder(MOST);
        for (const block of blocks) {
          if (decoder.decode(block, 0, block.length) === undefined) {
            expect(decoder.problem).toBeString();
            return;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("encoder", () => {
  test("a field that came before costs one octet, by object and by text", () => {
    const encoder = new HpackEncoder();
    const list = [field(":method", "GET"), field("x-a", "1"), field("x-b", "2")];
    encodeBlock(encoder, list);
    expect(encodeBlock(encoder, list)).toEqual(hex("82bfbe"));
    expect(encodeBlock(encoder, [field("x-b", "2"), field("x-a", "1")])).toEqual(hex("bebf"));
  });

  test("a path enters the table when the same object comes again", () => {
    const encoder = new HpackEncoder();
    const path = field(":path", "/some/path");
    expect(encodeBlock(encoder, [path])[0]).toBe(0x04);
    expect(encodeBlock(encoder, [path])[0]).toBe(0x44);
    expect(encodeBlock(encoder, [path])).toEqual(hex("be"));
    expect(encodeBlock(encoder, [field(":path", "/another")])[0]).toBe(0x04);
  });

  test("secrets are never indexed, and say so to the next hop", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(MOST);
    const secrets = [
      field("authorization", "Bearer a-long-token-that-nobody-guesses"),
      field("proxy-authorization", "Basic eDp5"),
      field("cookie", "id=1"),
      field("x-key", "secret", { sensitive: true }),
    ];
    for (let times = 0; times < 3; times++) {
      const block = encodeBlock(encoder, secrets);
      const found = decoder.decode(block, 0, block.length)!;
      expect(pairs(found)).toEqual(pairs(secrets));
      expect(found.map(({ sensitive }) => sensitive)).toEqual([true, true, true, true]);
    }
  });

  test("tells a smaller table and then a larger one before the next field", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(MOST);
    const list = [field("x-a", "1")];
    decode(decoder, encodeBlock(encoder, list));
    encoder.setMaxTableBytes(0);
    encoder.setMaxTableBytes(100_000);
    const block = encodeBlock(encoder, list);
    expect([...block.subarray(0, 4)]).toEqual([0x20, 0x3f, 0xe1, 0x1f]);
    expect(decode(decoder, block)).toEqual([["x-a", "1"]]);
    expect(decode(decoder, encodeBlock(encoder, list))).toEqual([["x-a", "1"]]);
  });

  test("what is no octet becomes a question mark, not another field", () => {
    const block = encodeBlock(new HpackEncoder(), [{ name: "a", value: "x\u010ay", sensitive: false }]);
    expect(decode(new HpackDecoder(MOST), block)).toEqual([["a", "x?y"]]);
  });

  test("lists come back as they were, whatever was sent before and whatever the table's size", () => {
    const name = fc.constantFrom(":path", "date", "cookie", "authorization", "x-a", "x-b", "x-c", "server");
    const value = fc.oneof(
      fc.constantFrom("", "1", "2", "3"),
      fc.string({ maxLength: 40, unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }),
      fc.integer({ min: 0, max: 1200 }).map((length) => "z".repeat(length)),
    );
    const one = fc.record({ name, value, sensitive: fc.boolean() });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.array(fc.oneof(one, fc.nat(30)), { maxLength: 12 }) },
      { weight: 1, arbitrary: fc.constantFrom(0, 31, 64, 100, 500, 1000, 4096, 65_536) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder(1 << 20);
        const sent: Field[] = [];
        for (const now of steps) {
          if (typeof now === "number") {
            encoder.setMaxTableBytes(now);
            continue;
          }
          const list = now.map((what) =>
            typeof what === "number" ? (sent[what] ?? field("x-a", String(what))) : what,
          );
          sent.push(...list);
          expect(decode(decoder, encodeBlock(encoder, list))).toEqual(pairs(list));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("field", () => {
  test.each([
    ["upper case", "X-A", "1"],
    ["an empty name", "", "1"],
    ["a space in the name", "x a", "1"],
    ["a colon in the name", "x:a", "1"],
    ["an unknown pseudo header field", ":foo", "1"],
    ["LF in the value", "a", "x\ny"],
    ["CR in the value", "a", "x\ry"],
    ["NUL in the value", "a", "x\0y"],
    ["a space before the value", "a", " x"],
    ["a tab after the value", "a", "x\t"],
    ["connection", "connection", "close"],
    ["transfer-encoding", "transfer-encoding", "chunked"],
    ["upgrade", "upgrade", "h2c"],
    ["keep-alive", "keep-alive", "1"],
    ["proxy-connection", "proxy-connection", "close"],
    ["te other than trailers", "te", "gzip"],
    ["a method that is no token", ":method", "GET /"],
    ["a path without slash", ":path", "x"],
    ["an empty path", ":path", ""],
    ["a path with a space", ":path", "/a b"],
    ["a path with a fragment", ":path", "/a#b"],
    ["another scheme", ":scheme", "ftp"],
    ["user information", ":authority", "me@host"],
    ["a path in the authority", ":authority", "host/x"],
    ["a status of two digits", ":status", "99"],
    ["a status that is no number", ":status", "2xx"],
    ["content-length with a sign", "content-length", "+1"],
    ["an empty content-length", "content-length", ""],
    ["a list of lengths", "content-length", "1, 1"],
    ["a length past what is safe", "content-length", "1234567890123456"],
  ])("%s is not valid", (_, name, value) => {
    expect(field(name, value).kind).toBe(FIELD.INVALID);
  });

  test("te: trailers, octets past ASCII and a tab inside are valid", () => {
    expect(field("te", "trailers").kind).toBe(FIELD.REGULAR);
    expect(field("a", "x\ty\u00ff").kind).toBe(FIELD.REGULAR);
    expect(field(":path", "*").kind).toBe(FIELD.PATH);
  });
});
